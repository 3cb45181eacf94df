// What kafka-go (segmentio) does with one broker: `client HOST:PORT` prints a row per capability.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/segmentio/kafka-go"

	. "gracchus/compat/report"
)

const read = "kafka-go-read"

var client = &kafka.Client{Addr: kafka.TCP(os.Args[1]), Transport: &kafka.Transport{}}

// topic waits until the library's own metadata has the topic: what asks for a partition before that is refused.
func topic(ctx context.Context, name string, partitions int) error {
	wanted := []kafka.TopicConfig{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}}
	made, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: wanted})
	if err == nil {
		err = made.Errors[name]
	}
	if err != nil {
		return err
	}
	return Soon(ctx, func() (bool, error) {
		found, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
		return err == nil && len(found.Topics[0].Partitions) == partitions, err
	})
}

// produce sends the messages in as few batches as they fit in.
func produce(ctx context.Context, name string, messages []kafka.Message, change func(*kafka.Writer)) error {
	writer := &kafka.Writer{Addr: client.Addr, Topic: name, BatchSize: len(messages), RequiredAcks: kafka.RequireAll,
		BatchTimeout: 200 * time.Millisecond, Transport: client.Transport}
	if change != nil {
		change(writer)
	}
	err := errors.Join(writer.WriteMessages(ctx, messages...), writer.Close())
	var each kafka.WriteErrors
	if errors.As(err, &each) {
		return errors.Join(each...)
	}
	return err
}

func values(texts ...string) (messages []kafka.Message) {
	for _, text := range texts {
		messages = append(messages, kafka.Message{Value: []byte(text)})
	}
	return messages
}

func take(ctx context.Context, reader *kafka.Reader, count int) (taken []kafka.Message, err error) {
	for len(taken) < count {
		message, err := reader.FetchMessage(ctx)
		if err != nil {
			return taken, err
		}
		taken = append(taken, message)
	}
	return taken, nil
}

// texts takes as many messages as are expected and compares their values.
func texts(ctx context.Context, reader *kafka.Reader, expected ...string) error {
	taken, err := take(ctx, reader, len(expected))
	return Texts(taken, err, func(one kafka.Message) []byte { return one.Value }, expected)
}

// reading gives a reader of one partition, or of a group, to what is to be done with it.
func reading(config kafka.ReaderConfig, do func(*kafka.Reader) error) error {
	config.Brokers, config.MaxWait, config.MaxBytes = os.Args[1:], 500*time.Millisecond, 10_000_000
	if config.GroupID != "" {
		config.GroupID, config.StartOffset = "kafka-go-"+config.GroupID, kafka.FirstOffset
	}
	reader := kafka.NewReader(config)
	return errors.Join(do(reader), reader.Close())
}

func roundTrip(ctx context.Context, name string, messages []kafka.Message, change func(*kafka.Writer)) (found []kafka.Message, err error) {
	if err := errors.Join(topic(ctx, name, 1), produce(ctx, name, messages, change)); err != nil {
		return nil, err
	}
	return found, reading(kafka.ReaderConfig{Topic: name}, func(reader *kafka.Reader) (err error) {
		found, err = take(ctx, reader, len(messages))
		return err
	})
}

func sent(name string, messages []kafka.Message, change func(*kafka.Writer)) Check {
	return Simple("produce-"+name, func(ctx context.Context) error {
		found, err := roundTrip(ctx, "kafka-go-"+name, messages, change)
		if err != nil {
			return err
		}
		for at, message := range found {
			expected := messages[at]
			err := Equal([]any{message.Offset, message.Key, message.Value, message.Headers},
				[]any{int64(at), expected.Key, expected.Value, expected.Headers})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func adminChecks() []Check {
	const name = "kafka-go-created"
	return []Check{
		Simple("admin-create", func(ctx context.Context) error { return topic(ctx, name, 3) }),
		Simple("admin-describe", func(ctx context.Context) error {
			found, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
			if err != nil {
				return err
			}
			return Equal(len(found.Topics[0].Partitions), 3)
		}),
		Simple("admin-alter-config", func(ctx context.Context) error { return alterConfig(ctx, name) }),
		Simple("admin-delete", func(ctx context.Context) error {
			gone, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{name}})
			if err == nil {
				err = gone.Errors[name]
			}
			if err != nil {
				return err
			}
			return Soon(ctx, func() (bool, error) {
				found, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
				return err == nil && errors.Is(found.Topics[0].Error, kafka.UnknownTopicOrPartition), err
			})
		}),
	}
}

func alterConfig(ctx context.Context, name string) error {
	set := kafka.IncrementalAlterConfigsRequestConfig{Name: "retention.ms", Value: "123456789", ConfigOperation: kafka.ConfigOperationSet}
	change := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: name,
		Configs: []kafka.IncrementalAlterConfigsRequestConfig{set}}
	changed, err := client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{change}})
	if err == nil {
		err = changed.Resources[0].Error
	}
	if err != nil {
		return err
	}
	asked := []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: name, ConfigNames: []string{set.Name}}}
	return Soon(ctx, func() (bool, error) {
		found, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: asked})
		return err == nil && found.Resources[0].ConfigEntries[0].ConfigValue == set.Value, err
	})
}

func produceChecks() (checks []Check) {
	for _, codec := range []kafka.Compression{kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		change := func(writer *kafka.Writer) { writer.Compression = codec }
		checks = append(checks, sent(codec.String(), values(Compressible()...), change))
	}
	for name, level := range map[string]kafka.RequiredAcks{"0": kafka.RequireNone, "1": kafka.RequireOne, "all": kafka.RequireAll} {
		change := func(writer *kafka.Writer) { writer.RequiredAcks = level }
		checks = append(checks, sent("acks-"+name, values("a", "b"), change))
	}
	headers := []kafka.Header{{Key: "one", Value: []byte("1")}, {Key: "one", Value: []byte("2")}, {Key: "null"}}
	return append(checks,
		None("produce-idempotent", "the writer has no producer id"),
		sent("headers", []kafka.Message{{Value: []byte("a"), Headers: headers}}, nil),
		sent("null-value", []kafka.Message{{Key: []byte("k")}}, nil),
		sent("large-batch", values(LargeBatch()...), nil))
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
			return Seen(produce(ctx, "kafka-go-nowhere", values("a"), func(w *kafka.Writer) { w.MaxAttempts = 1 }), kafka.UnknownTopicOrPartition)
		}},
		{Name: "error-too-large", Try: func(ctx context.Context) (string, error) {
			if err := topic(ctx, "kafka-go-too-large", 1); err != nil {
				return "", err
			}
			change := func(writer *kafka.Writer) { writer.BatchBytes = 5_000_000 }
			return Seen(produce(ctx, "kafka-go-too-large", []kafka.Message{{Value: TooLarge()}}, change), kafka.MessageSizeTooLarge)
		}},
		{Name: "error-fenced-member", Try: fenced},
	}
}
