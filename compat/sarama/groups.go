package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"

	. "gracchus/compat/report"
)

// member is a running member of a group: its records and its errors, and how many partitions it has.
type member struct {
	group    sarama.ConsumerGroup
	session  chan sarama.ConsumerGroupSession
	messages chan *sarama.ConsumerMessage
	claims   chan int
	failed   chan error
}

func (*member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	count := 0
	for _, partitions := range session.Claims() {
		count += len(partitions)
	}
	m.claims <- count
	m.session <- session
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		select {
		case m.messages <- message:
		case <-session.Context().Done():
			return nil
		}
	}
	return nil
}

// join starts a member that goes on until the context ends or the group says no.
func join(ctx context.Context, group, instance string, topics ...string) (*member, error) {
	config := settings(func(config *sarama.Config) { config.Consumer.Group.InstanceId = instance })
	opened, err := sarama.NewConsumerGroup([]string{os.Args[1]}, "sarama-"+group, config)
	if err != nil {
		return nil, err
	}
	joined := &member{opened, make(chan sarama.ConsumerGroupSession, 100), make(chan *sarama.ConsumerMessage), make(chan int, 100), make(chan error, 100)}
	go func() {
		for err := range opened.Errors() {
			joined.failed <- err
		}
	}()
	go func() {
		for ctx.Err() == nil {
			if err := opened.Consume(ctx, topics, joined); err != nil {
				joined.failed <- err
				return
			}
		}
	}()
	return joined, nil
}

// taking joins a group, compares the values that come, and leaves.
func taking(ctx context.Context, group string, topics []string, expected ...string) error {
	reader, err := join(ctx, group, "", topics...)
	if err != nil {
		return err
	}
	return errors.Join(texts(ctx, reader.messages, expected...), reader.group.Close())
}

func consumeChecks() []Check {
	return []Check{
		Simple("consume-beginning", func(ctx context.Context) error {
			if err := errors.Join(topic(read, 1), produce(values(read, "a", "b", "c", "d"), nil)); err != nil {
				return err
			}
			return taking(ctx, "beginning", []string{read}, "a", "b", "c", "d")
		}),
		Simple("consume-timestamp", func(ctx context.Context) error {
			const name = "sarama-times"
			messages, now := values(name, "A", "B", "C"), time.Now()
			for at, message := range messages {
				message.Timestamp = now.Add(time.Duration(at-3) * time.Second)
			}
			if err := errors.Join(topic(name, 1), produce(messages, nil)); err != nil {
				return err
			}
			found, err := client.GetOffset(name, 0, now.UnixMilli()-2500)
			if err := errors.Join(err, Equal(found, int64(1))); err != nil {
				return err
			}
			return reading(name, found, func(p sarama.PartitionConsumer) error { return texts(ctx, p.Messages(), "B", "C") })
		}),
		Simple("consume-assign", func(ctx context.Context) error {
			return reading(read, 2, func(p sarama.PartitionConsumer) error { return texts(ctx, p.Messages(), "c", "d") })
		}),
		Simple("consume-subscribe", func(ctx context.Context) error {
			const name = "sarama-subscribed"
			if err := errors.Join(topic(name, 1), produce(values(name, "one"), nil)); err != nil {
				return err
			}
			return taking(ctx, "subscribed", []string{name}, "one")
		}),
		Simple("consume-pause", func(ctx context.Context) error {
			const name = "sarama-paused"
			if err := topic(name, 1); err != nil {
				return err
			}
			return reading(name, 0, func(partition sarama.PartitionConsumer) error { return pause(ctx, partition) })
		}),
		None("consume-seek", "a partition is read on from where it was opened"),
	}
}

// pause pauses a partition that has nothing yet: what comes then is held until it goes on.
func pause(ctx context.Context, partition sarama.PartitionConsumer) error {
	partition.Pause()
	if err := produce(values("sarama-paused", "held"), nil); err != nil {
		return err
	}
	select {
	case <-partition.Messages():
		return fmt.Errorf("a message while the partition was paused")
	case <-time.After(2 * time.Second):
	}
	partition.Resume()
	return texts(ctx, partition.Messages(), "held")
}

func groupChecks() []Check {
	const name, group = "sarama-committed", "sarama-commits"
	committed := func() (int64, error) {
		found, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{name: {0}})
		if err != nil {
			return 0, err
		}
		return found.GetBlock(name, 0).Offset, nil
	}
	return []Check{
		Simple("group-rebalance", rebalance),
		Simple("group-commit", func(ctx context.Context) error {
			if err := errors.Join(topic(name, 1), produce(values(name, "a", "b", "c"), nil)); err != nil {
				return err
			}
			reader, err := join(ctx, "commits", "", name)
			if err != nil {
				return err
			}
			err = texts(ctx, reader.messages, "a", "b")
			if err == nil {
				session := <-reader.session
				session.MarkOffset(name, 0, 2, "")
				session.Commit()
			}
			found, asked := committed()
			return errors.Join(err, reader.group.Close(), asked, Equal(found, int64(2)))
		}),
		Simple("group-resume", func(ctx context.Context) error { return taking(ctx, "commits", []string{name}, "c") }),
		Simple("group-lag", func(context.Context) error {
			found, err := committed()
			newest, asked := client.GetOffset(name, 0, sarama.OffsetNewest)
			return errors.Join(err, asked, Equal(newest-found, int64(1)))
		}),
	}
}

func rebalance(ctx context.Context) error {
	const name = "sarama-shared"
	if err := topic(name, 4); err != nil {
		return err
	}
	first, err := join(ctx, "shared", "", name)
	if err != nil {
		return err
	}
	defer first.group.Close()
	if err := claims(ctx, first, 4); err != nil {
		return err
	}
	second, err := join(ctx, "shared", "", name)
	if err != nil {
		return err
	}
	if err := errors.Join(claims(ctx, first, 2), claims(ctx, second, 2), second.group.Close()); err != nil {
		return err
	}
	return claims(ctx, first, 4)
}

// claims waits until a generation gave the member so many partitions.
func claims(ctx context.Context, of *member, count int) error {
	for {
		select {
		case found := <-of.claims:
			if found == count {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("the member was not given %d partitions: %w", count, ctx.Err())
		}
	}
}

func fenced(ctx context.Context) (string, error) {
	first, err := join(ctx, "static", "one", read)
	if err != nil {
		return "", err
	}
	defer first.group.Close()
	if err := texts(ctx, first.messages, "a"); err != nil {
		return "", err
	}
	second, err := join(ctx, "static", "one", read)
	if err != nil {
		return "", err
	}
	defer second.group.Close()
	if err := texts(ctx, second.messages, "a"); err != nil {
		return "", err
	}
	select {
	case err := <-first.failed:
		return Seen(err, sarama.ErrFencedInstancedId)
	case <-ctx.Done():
		return "", fmt.Errorf("there was no error: %w", ctx.Err())
	}
}
