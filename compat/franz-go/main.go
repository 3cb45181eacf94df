// What franz-go (kgo and kadm) does with one broker: `client HOST:PORT` prints a row per capability.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	. "gracchus/compat/report"
)

const read = "franz-read"

// opened is a client that ends with the program at the latest.
func opened(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(os.Args[1])}, options...)...)
	if err != nil {
		panic(err)
	}
	return client
}

var admin = kadm.NewClient(opened())

func topic(ctx context.Context, name string, partitions int32) error {
	_, err := admin.CreateTopic(ctx, partitions, 1, nil, name)
	return err
}

// produce gives the records as they were acknowledged.
func produce(ctx context.Context, name string, records []*kgo.Record, options ...kgo.Opt) error {
	client := opened(append([]kgo.Opt{kgo.DefaultProduceTopic(name), kgo.ProducerLinger(200 * time.Millisecond)}, options...)...)
	defer client.Close()
	return client.ProduceSync(ctx, records...).FirstErr()
}

func values(texts ...string) (records []*kgo.Record) {
	for _, text := range texts {
		records = append(records, kgo.StringRecord(text))
	}
	return records
}

// take gives so many records, or those that came until the context ended.
func take(ctx context.Context, client *kgo.Client, count int) (taken []*kgo.Record, err error) {
	for len(taken) < count && ctx.Err() == nil {
		fetches := client.PollRecords(ctx, count-len(taken))
		taken = append(taken, fetches.Records()...)
		if err := fetches.Err(); err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// texts takes as many records as are expected and compares their values.
func texts(ctx context.Context, client *kgo.Client, expected ...string) error {
	taken, err := take(ctx, client, len(expected))
	return Texts(taken, err, func(one *kgo.Record) []byte { return one.Value }, expected)
}

func from(name string, offset int64) *kgo.Client {
	return opened(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: kgo.NewOffset().At(offset)}}))
}

func member(group string, options ...kgo.Opt) *kgo.Client {
	start := kgo.NewOffset().AtStart()
	return opened(append([]kgo.Opt{kgo.ConsumerGroup("franz-" + group), kgo.ConsumeResetOffset(start), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6 * time.Second), kgo.HeartbeatInterval(500 * time.Millisecond)}, options...)...)
}

// roundTrip makes a topic, produces to it and reads it back.
func roundTrip(ctx context.Context, name string, records []*kgo.Record, options ...kgo.Opt) ([]*kgo.Record, error) {
	name = "franz-" + name
	if err := topic(ctx, name, 1); err != nil {
		return nil, err
	}
	if err := produce(ctx, name, records, options...); err != nil {
		return nil, err
	}
	reader := from(name, 0)
	defer reader.Close()
	return take(ctx, reader, len(records))
}

func sent(name string, records []*kgo.Record, options ...kgo.Opt) Check {
	return Simple("produce-"+name, func(ctx context.Context) error {
		found, err := roundTrip(ctx, name, records, options...)
		if err != nil {
			return err
		}
		for at, record := range found {
			expected := records[at]
			err := Equal([]any{record.Offset, record.Key, record.Value, record.Headers},
				[]any{int64(at), expected.Key, expected.Value, expected.Headers})
			if err != nil {
				return err
			}
		}
		return Equal(len(found), len(records))
	})
}

func adminChecks() []Check {
	const name = "franz-created"
	return []Check{
		Simple("admin-create", func(ctx context.Context) error { return topic(ctx, name, 3) }),
		Simple("admin-describe", func(ctx context.Context) error {
			found, err := admin.ListTopics(ctx, name)
			if err != nil {
				return err
			}
			return Equal(found[name].Partitions.Numbers(), []int32{0, 1, 2})
		}),
		Simple("admin-alter-config", func(ctx context.Context) error {
			change := []kadm.AlterConfig{{Name: "retention.ms", Value: kadm.StringPtr("123456789")}}
			if _, err := admin.AlterTopicConfigs(ctx, change, name); err != nil {
				return err
			}
			return Soon(ctx, func() (held bool, err error) {
				found, err := admin.DescribeTopicConfigs(ctx, name)
				for _, resource := range found {
					for _, config := range resource.Configs {
						held = held || config.Key == "retention.ms" && config.MaybeValue() == "123456789"
					}
				}
				return held, err
			})
		}),
		Simple("admin-delete", func(ctx context.Context) error {
			if _, err := admin.DeleteTopic(ctx, name); err != nil {
				return err
			}
			found, err := admin.ListTopics(ctx)
			if err != nil {
				return err
			}
			return Equal(found.Has(name), false)
		}),
	}
}

func produceChecks() []Check {
	many := func() []*kgo.Record { return values(Compressible()...) }
	headers := []kgo.RecordHeader{{Key: "one", Value: []byte("1")}, {Key: "one", Value: []byte("2")}, {Key: "null"}}
	headed := &kgo.Record{Value: []byte("a"), Headers: headers}
	return []Check{
		sent("gzip", many(), kgo.ProducerBatchCompression(kgo.GzipCompression())),
		sent("snappy", many(), kgo.ProducerBatchCompression(kgo.SnappyCompression())),
		sent("lz4", many(), kgo.ProducerBatchCompression(kgo.Lz4Compression())),
		sent("zstd", many(), kgo.ProducerBatchCompression(kgo.ZstdCompression())),
		sent("idempotent", values("a", "b", "c")),
		sent("acks-0", values("a", "b"), kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite()),
		sent("acks-1", values("a", "b"), kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite()),
		sent("acks-all", values("a", "b"), kgo.RequiredAcks(kgo.AllISRAcks())),
		sent("headers", []*kgo.Record{headed}),
		sent("null-value", []*kgo.Record{{Key: []byte("k")}}),
		sent("large-batch", values(LargeBatch()...), kgo.ProducerBatchMaxBytes(900_000)),
	}
}

func consumeChecks() []Check {
	return []Check{
		Simple("consume-beginning", func(ctx context.Context) error {
			if err := topic(ctx, read, 1); err != nil {
				return err
			}
			if err := produce(ctx, read, values("a", "b", "c", "d")); err != nil {
				return err
			}
			reader := member("beginning", kgo.ConsumeTopics(read))
			defer reader.Close()
			return texts(ctx, reader, "a", "b", "c", "d")
		}),
		Simple("consume-timestamp", func(ctx context.Context) error {
			records, now := values("A", "B", "C"), time.Now()
			for at, record := range records {
				record.Timestamp = now.Add(time.Duration(at-3) * time.Second)
			}
			if _, err := roundTrip(ctx, "times", records); err != nil {
				return err
			}
			start := kgo.NewOffset().AfterMilli(now.UnixMilli() - 2500)
			reader := opened(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"franz-times": {0: start}}))
			defer reader.Close()
			return texts(ctx, reader, "B", "C")
		}),
		Simple("consume-assign", func(ctx context.Context) error {
			reader := from(read, 2)
			defer reader.Close()
			return texts(ctx, reader, "c", "d")
		}),
		Simple("consume-subscribe", func(ctx context.Context) error {
			if _, err := roundTrip(ctx, "pattern-1", values("one")); err != nil {
				return err
			}
			reader := member("pattern", kgo.ConsumeRegex(), kgo.ConsumeTopics("^franz-pattern-.*"))
			defer reader.Close()
			return texts(ctx, reader, "one")
		}),
		Simple("consume-pause", pause),
		Simple("consume-seek", func(ctx context.Context) error {
			reader := from(read, 0)
			defer reader.Close()
			if err := texts(ctx, reader, "a", "b", "c", "d"); err != nil {
				return err
			}
			reader.SetOffsets(map[string]map[int32]kgo.EpochOffset{read: {0: {Epoch: -1, Offset: 1}}})
			return texts(ctx, reader, "b", "c")
		}),
	}
}

func pause(ctx context.Context) error {
	for name, text := range map[string]string{"paused": "held", "flowing": "flows"} {
		if _, err := roundTrip(ctx, name, values(text)); err != nil {
			return err
		}
	}
	reader := opened(kgo.ConsumeTopics("franz-paused", "franz-flowing"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer reader.Close()
	reader.PauseFetchTopics("franz-paused")
	soon, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	// The second record must not come; waiting for it ends with the context's own error.
	found, _ := take(soon, reader, 2)
	if len(found) != 1 || string(found[0].Value) != "flows" {
		return fmt.Errorf("%d records while one topic was paused", len(found))
	}
	reader.ResumeFetchTopics("franz-paused")
	return texts(ctx, reader, "held")
}

func main() {
	checks := append(adminChecks(), produceChecks()...)
	checks = append(checks, consumeChecks()...)
	checks = append(checks, groupChecks()...)
	Run(append(checks, errorChecks()...))
}

func errorChecks() []Check {
	return []Check{
		{Name: "error-unknown-topic", Try: func(ctx context.Context) (string, error) {
			return Seen(produce(ctx, "franz-nowhere", values("a"), kgo.UnknownTopicRetries(1)), kerr.UnknownTopicOrPartition)
		}},
		{Name: "error-too-large", Try: func(ctx context.Context) (string, error) {
			if err := topic(ctx, "franz-too-large", 1); err != nil {
				return "", err
			}
			err := produce(ctx, "franz-too-large", []*kgo.Record{{Value: TooLarge()}}, kgo.ProducerBatchMaxBytes(5_000_000))
			return Seen(err, kerr.MessageTooLarge)
		}},
		{Name: "error-fenced-member", Try: func(ctx context.Context) (string, error) {
			first := member("static", kgo.InstanceID("one"), kgo.ConsumeTopics(read))
			defer first.Close()
			if _, err := take(ctx, first, 1); err != nil {
				return "", err
			}
			second := member("static", kgo.InstanceID("one"), kgo.ConsumeTopics(read))
			defer second.Close()
			if _, err := take(ctx, second, 1); err != nil {
				return "", err
			}
			_, err := take(ctx, first, 1000)
			return Seen(err, kerr.FencedInstanceID)
		}},
	}
}
