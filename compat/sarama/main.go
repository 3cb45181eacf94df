// What sarama does with one broker: `client HOST:PORT` prints a row per capability.
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

const read = "sarama-read"

// settings are the library's own, with what every check needs and what this one changes.
func settings(change func(*sarama.Config)) *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Producer.Flush.Frequency = 200 * time.Millisecond
	config.Consumer.Return.Errors = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	if change != nil {
		change(config)
	}
	return config
}

func opened() sarama.Client {
	client, err := sarama.NewClient([]string{os.Args[1]}, settings(nil))
	if err != nil {
		panic(err)
	}
	return client
}

var client = opened()

func administrator() sarama.ClusterAdmin {
	admin, err := sarama.NewClusterAdmin([]string{os.Args[1]}, settings(nil))
	if err != nil {
		panic(err)
	}
	return admin
}

var admin = administrator()

func topic(name string, partitions int32) error {
	return admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
}

// produce sends the messages at once; each says afterwards which offset it has.
func produce(messages []*sarama.ProducerMessage, change func(*sarama.Config)) error {
	producer, err := sarama.NewSyncProducer([]string{os.Args[1]}, settings(change))
	if err != nil {
		return err
	}
	defer producer.Close()
	err = producer.SendMessages(messages)
	var failed sarama.ProducerErrors
	if errors.As(err, &failed) {
		return failed[0].Err
	}
	return err
}

func values(topic string, texts ...string) (messages []*sarama.ProducerMessage) {
	for _, text := range texts {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(text)})
	}
	return messages
}

// take gives so many messages, or an error when they do not come.
func take(ctx context.Context, from <-chan *sarama.ConsumerMessage, count int) (taken []*sarama.ConsumerMessage, err error) {
	for len(taken) < count {
		select {
		case message := <-from:
			taken = append(taken, message)
		case <-ctx.Done():
			return taken, fmt.Errorf("%d of %d messages: %w", len(taken), count, ctx.Err())
		}
	}
	return taken, nil
}

// texts takes as many messages as are expected and compares their values.
func texts(ctx context.Context, from <-chan *sarama.ConsumerMessage, expected ...string) error {
	taken, err := take(ctx, from, len(expected))
	return Texts(taken, err, func(one *sarama.ConsumerMessage) []byte { return one.Value }, expected)
}

// reading gives one partition from an offset on to what is to be done with it.
func reading(name string, offset int64, do func(sarama.PartitionConsumer) error) error {
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return err
	}
	partition, err := consumer.ConsumePartition(name, 0, offset)
	if err != nil {
		return err
	}
	defer partition.Close()
	return do(partition)
}

// sent makes a topic, produces to it and reads it back.
func sent(name string, messages func(topic string) []*sarama.ProducerMessage, change func(*sarama.Config)) Check {
	return Simple("produce-"+name, func(ctx context.Context) error {
		topicName := "sarama-" + name
		if err := topic(topicName, 1); err != nil {
			return err
		}
		expected := messages(topicName)
		if err := produce(expected, change); err != nil {
			return err
		}
		return reading(topicName, 0, func(partition sarama.PartitionConsumer) error {
			found, err := take(ctx, partition.Messages(), len(expected))
			for at, message := range found {
				if err := same(message, expected[at], int64(at)); err != nil {
					return err
				}
			}
			return err
		})
	})
}

func same(found *sarama.ConsumerMessage, expected *sarama.ProducerMessage, offset int64) error {
	var key, value []byte
	if expected.Key != nil {
		key, _ = expected.Key.Encode()
	}
	if expected.Value != nil {
		value, _ = expected.Value.Encode()
	}
	var headers []sarama.RecordHeader
	for _, header := range found.Headers {
		headers = append(headers, *header)
	}
	return Equal([]any{found.Offset, found.Key, found.Value, headers}, []any{offset, key, value, expected.Headers})
}

func adminChecks() []Check {
	const name = "sarama-created"
	return []Check{
		Simple("admin-create", func(context.Context) error { return topic(name, 3) }),
		Simple("admin-describe", func(context.Context) error {
			found, err := admin.DescribeTopics([]string{name})
			if err != nil {
				return err
			}
			return Equal(len(found[0].Partitions), 3)
		}),
		Simple("admin-alter-config", func(ctx context.Context) error {
			value := "123456789"
			set := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}
			change := map[string]sarama.IncrementalAlterConfigsEntry{"retention.ms": set}
			if err := admin.IncrementalAlterConfig(sarama.TopicResource, name, change, false); err != nil {
				return err
			}
			wanted := sarama.ConfigResource{Type: sarama.TopicResource, Name: name, ConfigNames: []string{"retention.ms"}}
			return Soon(ctx, func() (bool, error) {
				found, err := admin.DescribeConfig(wanted)
				return err == nil && found[0].Value == value, err
			})
		}),
		Simple("admin-delete", func(ctx context.Context) error {
			if err := admin.DeleteTopic(name); err != nil {
				return err
			}
			return Soon(ctx, func() (bool, error) {
				found, err := admin.ListTopics()
				_, there := found[name]
				return !there, err
			})
		}),
	}
}

func produceChecks() (checks []Check) {
	few := func(name string) []*sarama.ProducerMessage { return values(name, "a", "b", "c") }
	many := func(name string) []*sarama.ProducerMessage { return values(name, Compressible()...) }
	codecs := []sarama.CompressionCodec{sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD}
	for _, codec := range codecs {
		change := func(config *sarama.Config) { config.Producer.Compression = codec }
		checks = append(checks, sent(codec.String(), many, change))
	}
	checks = append(checks, sent("idempotent", few, func(config *sarama.Config) {
		config.Producer.Idempotent, config.Producer.RequiredAcks, config.Net.MaxOpenRequests = true, sarama.WaitForAll, 1
	}))
	for name, level := range map[string]sarama.RequiredAcks{"0": sarama.NoResponse, "1": sarama.WaitForLocal, "all": sarama.WaitForAll} {
		checks = append(checks, sent("acks-"+name, few, func(config *sarama.Config) { config.Producer.RequiredAcks = level }))
	}
	headers := func(name string) []*sarama.ProducerMessage {
		messages := values(name, "a")
		messages[0].Headers = []sarama.RecordHeader{{Key: []byte("one"), Value: []byte("1")}, {Key: []byte("one"), Value: []byte("2")},
			{Key: []byte("null")}}
		return messages
	}
	null := func(name string) []*sarama.ProducerMessage {
		return []*sarama.ProducerMessage{{Topic: name, Key: sarama.StringEncoder("k")}}
	}
	large := func(name string) []*sarama.ProducerMessage { return values(name, LargeBatch()...) }
	return append(checks, sent("headers", headers, nil), sent("null-value", null, nil), sent("large-batch", large, nil))
}

func main() {
	checks := append(adminChecks(), produceChecks()...)
	checks = append(checks, consumeChecks()...)
	checks = append(checks, groupChecks()...)
	Run(append(checks, errorChecks()...))
}

func errorChecks() []Check {
	return []Check{
		{Name: "error-unknown-topic", Try: func(context.Context) (string, error) {
			return Seen(produce(values("sarama-nowhere", "a"), nil), sarama.ErrUnknownTopicOrPartition)
		}},
		{Name: "error-too-large", Try: func(context.Context) (string, error) {
			if err := topic("sarama-too-large", 1); err != nil {
				return "", err
			}
			err := produce(values("sarama-too-large", string(TooLarge())), func(config *sarama.Config) { config.Producer.MaxMessageBytes = 5_000_000 })
			return Seen(err, sarama.ErrMessageSizeTooLarge)
		}},
		{Name: "error-fenced-member", Try: fenced},
	}
}
