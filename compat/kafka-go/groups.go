package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/segmentio/kafka-go"

	. "gracchus/compat/report"
)

func consumeChecks() []Check {
	return []Check{
		Simple("consume-beginning", func(ctx context.Context) error {
			if err := errors.Join(topic(ctx, read, 1), produce(ctx, read, values("a", "b", "c", "d"), nil)); err != nil {
				return err
			}
			return reading(kafka.ReaderConfig{GroupID: "beginning", Topic: read}, func(reader *kafka.Reader) error {
				return texts(ctx, reader, "a", "b", "c", "d")
			})
		}),
		Simple("consume-timestamp", func(ctx context.Context) error {
			messages, now := values("A", "B", "C"), time.Now()
			for at := range messages {
				messages[at].Time = now.Add(time.Duration(at-3) * time.Second)
			}
			if _, err := roundTrip(ctx, "kafka-go-times", messages, nil); err != nil {
				return err
			}
			return reading(kafka.ReaderConfig{Topic: "kafka-go-times"}, func(reader *kafka.Reader) error {
				if err := reader.SetOffsetAt(ctx, now.Add(-2500*time.Millisecond)); err != nil {
					return err
				}
				return texts(ctx, reader, "B", "C")
			})
		}),
		Simple("consume-assign", func(ctx context.Context) error {
			return reading(kafka.ReaderConfig{Topic: read, Partition: 0}, func(reader *kafka.Reader) error {
				return errors.Join(reader.SetOffset(2), texts(ctx, reader, "c", "d"))
			})
		}),
		Simple("consume-subscribe", func(ctx context.Context) error {
			const first, second = "kafka-go-subscribed-1", "kafka-go-subscribed-2"
			for _, name := range []string{first, second} {
				if err := errors.Join(topic(ctx, name, 1), produce(ctx, name, values("one"), nil)); err != nil {
					return err
				}
			}
			topics := []string{first, second}
			return reading(kafka.ReaderConfig{GroupID: "subscribed", GroupTopics: topics}, func(reader *kafka.Reader) error {
				return texts(ctx, reader, "one", "one")
			})
		}),
		None("consume-pause", "a reader fetches ahead until its queue is full, and cannot be told to wait"),
		Simple("consume-seek", func(ctx context.Context) error {
			return reading(kafka.ReaderConfig{Topic: read}, func(reader *kafka.Reader) error {
				if err := texts(ctx, reader, "a", "b", "c", "d"); err != nil {
					return err
				}
				return errors.Join(reader.SetOffset(1), texts(ctx, reader, "b", "c"))
			})
		}),
	}
}

func groupChecks() []Check {
	const name, group = "kafka-go-committed", "kafka-go-commits"
	committed := func(ctx context.Context) (int64, error) {
		found, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{name: {0}}})
		if err != nil {
			return 0, err
		}
		return found.Topics[name][0].CommittedOffset, errors.Join(found.Error, found.Topics[name][0].Error)
	}
	return []Check{
		Simple("group-rebalance", rebalance),
		Simple("group-commit", func(ctx context.Context) error {
			if err := errors.Join(topic(ctx, name, 1), produce(ctx, name, values("a", "b", "c"), nil)); err != nil {
				return err
			}
			err := reading(kafka.ReaderConfig{GroupID: "commits", Topic: name}, func(reader *kafka.Reader) error {
				messages, err := take(ctx, reader, 2)
				return errors.Join(err, reader.CommitMessages(ctx, messages...))
			})
			found, asked := committed(ctx)
			return errors.Join(err, asked, Equal(found, int64(2)))
		}),
		Simple("group-resume", func(ctx context.Context) error {
			return reading(kafka.ReaderConfig{GroupID: "commits", Topic: name}, func(reader *kafka.Reader) error {
				return texts(ctx, reader, "c")
			})
		}),
		Simple("group-lag", func(ctx context.Context) error {
			found, err := committed(ctx)
			asked := map[string][]kafka.OffsetRequest{name: {kafka.LastOffsetOf(0)}}
			newest, unasked := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: asked})
			if err := errors.Join(err, unasked); err != nil {
				return err
			}
			return Equal(newest.Topics[name][0].LastOffset-found, int64(1))
		}),
	}
}

// generations joins a group and says of each of its generations how many partitions it was given.
func generations(ctx context.Context, name string) (*kafka.ConsumerGroup, <-chan int, error) {
	joined, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: "kafka-go-shared", Brokers: os.Args[1:], Topics: []string{name},
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond, JoinGroupBackoff: 100 * time.Millisecond})
	if err != nil {
		return nil, nil, err
	}
	counts := make(chan int, 100)
	go func() {
		for {
			generation, err := joined.Next(ctx)
			if errors.Is(err, kafka.ErrGroupClosed) || ctx.Err() != nil {
				return
			}
			if err == nil {
				counts <- len(generation.Assignments[name])
			}
		}
	}()
	return joined, counts, nil
}

// given waits until a generation has so many partitions.
func given(ctx context.Context, counts <-chan int, wanted int) error {
	for {
		select {
		case count := <-counts:
			if count == wanted {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("the member was not given %d partitions: %w", wanted, ctx.Err())
		}
	}
}

func rebalance(ctx context.Context) error {
	const name = "kafka-go-shared"
	if err := topic(ctx, name, 4); err != nil {
		return err
	}
	first, ofFirst, err := generations(ctx, name)
	if err != nil {
		return err
	}
	defer first.Close()
	if err := given(ctx, ofFirst, 4); err != nil {
		return err
	}
	second, ofSecond, err := generations(ctx, name)
	if err != nil {
		return err
	}
	if err := errors.Join(given(ctx, ofFirst, 2), given(ctx, ofSecond, 2), second.Close()); err != nil {
		return err
	}
	return given(ctx, ofFirst, 4)
}

// static joins as the instance `one`. The readers have no static members, the library's requests do.
func static(ctx context.Context, member string) (string, error) {
	protocol := kafka.GroupProtocol{Name: "range", Metadata: kafka.GroupProtocolSubscription{Topics: []string{read}}}
	joined, err := client.JoinGroup(ctx, &kafka.JoinGroupRequest{GroupID: "kafka-go-static", GroupInstanceID: "one", MemberID: member,
		SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second, ProtocolType: "consumer", Protocols: []kafka.GroupProtocol{protocol}})
	if err != nil {
		return "", err
	}
	return joined.MemberID, joined.Error
}

func fenced(ctx context.Context) (string, error) {
	first, err := static(ctx, "")
	if err != nil {
		return "", err
	}
	if _, err := static(ctx, ""); err != nil {
		return "", err
	}
	// The library reads a heartbeat's error as its throttle time; who joins again is told the same.
	_, err = static(ctx, first)
	return Seen(err, kafka.FencedInstanceID)
}
