import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** What Apache Kafka's own Java client does with one broker: `Main HOST:PORT` prints a row per capability. */
class Main extends Report {
    static final String READ = Version.NAME + "-read";
    static String address;
    static AdminClient admin;

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        admin = AdminClient.create(properties());
        admins();
        produces();
        consumes();
        groups();
        errors();
        System.exit(0);
    }

    static Properties properties(Object... settings) {
        var properties = new Properties();
        properties.put("bootstrap.servers", address);
        for (int at = 0; at < settings.length; at += 2) properties.put(settings[at], settings[at + 1]);
        return properties;
    }

    static String topic(String name, int partitions) throws Exception {
        admin.createTopics(Set.of(new NewTopic(Version.NAME + "-" + name, partitions, (short) 1))).all().get();
        return Version.NAME + "-" + name;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static List<ProducerRecord<byte[], byte[]>> values(String topic, String... texts) {
        return Arrays.stream(texts).map(text -> new ProducerRecord<byte[], byte[]>(topic, bytes(text))).collect(Collectors.toList());
    }

    /** The offsets that were acknowledged. Settings are names and values in turn. */
    static List<Long> produce(List<ProducerRecord<byte[], byte[]>> records, Object... settings) throws Exception {
        var properties = properties("linger.ms", "200", "enable.idempotence", "false");
        properties.putAll(properties(settings));
        try (var producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (var record : records) sent.add(producer.send(record));
            List<Long> offsets = new ArrayList<>();
            for (var answer : sent) offsets.add(answer.get().offset());
            return offsets;
        }
    }

    static KafkaConsumer<byte[], byte[]> consumer(String group, Object... settings) {
        var properties = properties("group.id", Version.NAME + "-" + group, "auto.offset.reset", "earliest", "enable.auto.commit", "false",
            "session.timeout.ms", "6000", "heartbeat.interval.ms", "500");
        properties.putAll(properties(settings));
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static List<ConsumerRecord<byte[], byte[]>> take(KafkaConsumer<byte[], byte[]> reader, int count, int seconds) {
        List<ConsumerRecord<byte[], byte[]>> taken = new ArrayList<>();
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (taken.size() < count && System.nanoTime() < until) reader.poll(Duration.ofMillis(200)).forEach(taken::add);
        return taken;
    }

    static List<String> texts(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(record -> new String(record.value(), StandardCharsets.UTF_8)).collect(Collectors.toList());
    }

    static List<ConsumerRecord<byte[], byte[]>> read(String topic, int count, long offset) {
        try (var reader = consumer("unused")) {
            var partition = new TopicPartition(topic, 0);
            reader.assign(Set.of(partition));
            reader.seek(partition, offset);
            return take(reader, count, 30);
        }
    }

    static void admins() {
        check("admin-create", () -> topic("created", 3));
        check("admin-describe", () -> equal(Version.partitions(admin, Version.NAME + "-created"), 3));
        check("admin-alter-config", () -> {
            var resource = new ConfigResource(ConfigResource.Type.TOPIC, Version.NAME + "-created");
            Version.alter(admin, resource, new ConfigEntry("retention.ms", "123456789"));
            // A broker may show a moment later what it said it did; the check has a limit of its own.
            for (var value = ""; !value.equals("123456789"); Thread.sleep(50)) {
                value = admin.describeConfigs(Set.of(resource)).all().get().get(resource).get("retention.ms").value();
            }
        });
        check("admin-delete", () -> {
            admin.deleteTopics(Set.of(Version.NAME + "-created")).all().get();
            equal(admin.listTopics().names().get().contains(Version.NAME + "-created"), false);
        });
    }

    static void produces() {
        String[] many = Collections.nCopies(50, "again and again ".repeat(20)).toArray(String[]::new);
        for (var codec : List.of("gzip", "snappy", "lz4", "zstd")) {
            check("produce-" + codec, () -> {
                var name = topic(codec, 1);
                produce(values(name, many), "compression.type", codec);
                equal(texts(read(name, 50, 0)), List.of(many));
            });
        }
        check("produce-idempotent", () -> equal(produce(values(topic("idempotent", 1), "a", "b", "c"), "enable.idempotence", "true"),
            List.of(0L, 1L, 2L)));
        for (var level : List.of("0", "1", "all")) {
            check("produce-acks-" + level, () -> {
                var name = topic("acks-" + level, 1);
                produce(values(name, "a", "b"), "acks", level);
                equal(texts(read(name, 2, 0)), List.of("a", "b"));
            });
        }
        check("produce-headers", () -> {
            var record = new ProducerRecord<>(topic("headers", 1), bytes("k"), bytes("a"));
            record.headers().add("one", bytes("1")).add("one", bytes("2")).add("empty", bytes("")).add("null", null);
            produce(List.of(record));
            equal(read(Version.NAME + "-headers", 1, 0).get(0).headers(), record.headers());
        });
        check("produce-null-value", () -> {
            produce(List.of(new ProducerRecord<>(topic("null", 1), bytes("k"), null)));
            var found = read(Version.NAME + "-null", 1, 0).get(0);
            equal(new String(found.key(), StandardCharsets.UTF_8), "k");
            equal(found.value(), null);
        });
        check("produce-large-batch", () -> {
            String[] texts = Collections.nCopies(5000, "x".repeat(100)).toArray(String[]::new);
            var offsets = produce(values(topic("large", 1), texts), "batch.size", "900000");
            equal(offsets, LongStream.range(0, 5000).boxed().collect(Collectors.toList()));
            equal(read(Version.NAME + "-large", 5000, 0).size(), 5000);
        });
    }

    static void consumes() {
        check("consume-beginning", () -> {
            produce(values(topic("read", 1), "a", "b", "c", "d"));
            try (var reader = consumer("beginning")) {
                reader.subscribe(Set.of(READ));
                equal(texts(take(reader, 4, 30)), List.of("a", "b", "c", "d"));
            }
        });
        check("consume-timestamp", () -> {
            var partition = new TopicPartition(topic("times", 1), 0);
            long now = System.currentTimeMillis();
            var records = IntStream.range(0, 3).mapToObj(at -> new ProducerRecord<byte[], byte[]>(
                partition.topic(), 0, now - 3000 + 1000 * at, null, bytes("ABC".substring(at, at + 1)))).collect(Collectors.toList());
            produce(records);
            try (var reader = consumer("unused")) {
                equal(reader.offsetsForTimes(Map.of(partition, now - 2500)).get(partition).offset(), 1L);
            }
            equal(texts(read(partition.topic(), 2, 1)), List.of("B", "C"));
        });
        check("consume-assign", () -> equal(texts(read(READ, 2, 2)), List.of("c", "d")));
        check("consume-subscribe", () -> {
            produce(values(topic("pattern-1", 1), "one"));
            try (var reader = consumer("pattern")) {
                reader.subscribe(Pattern.compile(Version.NAME + "-pattern-.*"));
                equal(texts(take(reader, 1, 30)), List.of("one"));
            }
        });
        check("consume-pause", () -> {
            var held = new TopicPartition(topic("paused", 1), 0);
            var flowing = new TopicPartition(topic("flowing", 1), 0);
            produce(values(held.topic(), "held"));
            produce(values(flowing.topic(), "flows"));
            try (var reader = consumer("unused")) {
                reader.assign(Set.of(held, flowing));
                reader.pause(Set.of(held));
                equal(texts(take(reader, 2, 2)), List.of("flows"));
                reader.resume(Set.of(held));
                equal(texts(take(reader, 1, 30)), List.of("held"));
            }
        });
        check("consume-seek", () -> {
            try (var reader = consumer("unused")) {
                var partition = new TopicPartition(READ, 0);
                reader.assign(Set.of(partition));
                take(reader, 4, 30);
                reader.seek(partition, 1);
                equal(texts(take(reader, 3, 30)), List.of("b", "c", "d"));
            }
        });
    }

    static void pollUntil(List<KafkaConsumer<byte[], byte[]>> readers, List<Integer> assigned) {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        List<Integer> found = List.of();
        while (!found.equals(assigned) && System.nanoTime() < until) {
            readers.forEach(reader -> reader.poll(Duration.ofMillis(200)));
            found = readers.stream().map(reader -> reader.assignment().size()).collect(Collectors.toList());
        }
        equal(found, assigned);
    }

    static void groups() {
        check("group-rebalance", () -> {
            var name = topic("shared", 4);
            try (var first = consumer("shared")) {
                first.subscribe(Set.of(name));
                try (var second = consumer("shared")) {
                    second.subscribe(Set.of(name));
                    pollUntil(List.of(first, second), List.of(2, 2));
                }
                pollUntil(List.of(first), List.of(4));
            }
        });
        var partition = new TopicPartition(Version.NAME + "-committed", 0);
        check("group-commit", () -> {
            produce(values(topic("committed", 1), "a", "b", "c"));
            try (var reader = consumer("commits", "max.poll.records", "2")) {
                reader.subscribe(Set.of(partition.topic()));
                equal(texts(take(reader, 2, 30)), List.of("a", "b"));
                reader.commitSync(Map.of(partition, new OffsetAndMetadata(2)));
            }
            var found = admin.listConsumerGroupOffsets(Version.NAME + "-commits").partitionsToOffsetAndMetadata().get();
            equal(found.get(partition).offset(), 2L);
        });
        check("group-resume", () -> {
            try (var reader = consumer("commits")) {
                reader.subscribe(Set.of(partition.topic()));
                equal(texts(take(reader, 1, 30)), List.of("c"));
            }
        });
        check("group-lag", () -> {
            var committed = admin.listConsumerGroupOffsets(Version.NAME + "-commits").partitionsToOffsetAndMetadata().get().get(partition).offset();
            try (var reader = consumer("unused")) {
                equal(reader.endOffsets(Set.of(partition)).get(partition) - committed, 1L);
            }
        });
    }

    /** The name of the error that the action ends with. */
    static String error(Action action) throws Exception {
        try {
            action.run();
        } catch (ExecutionException error) {
            return error.getCause().getClass().getSimpleName();
        } catch (org.apache.kafka.common.KafkaException error) {
            return error.getClass().getSimpleName();
        }
        throw new AssertionError("there was no error");
    }

    static void errors() {
        seen("error-unknown-topic", () -> error(() -> produce(values(Version.NAME + "-nowhere", "a"), "max.block.ms", "3000")));
        seen("error-too-large", () -> {
            var value = new byte[2_000_000];
            new Random(1).nextBytes(value);
            var record = new ProducerRecord<byte[], byte[]>(topic("too-large", 1), value);
            return error(() -> produce(List.of(record), "max.request.size", "5000000"));
        });
        if (!Version.STATIC_MEMBERS) {
            System.out.println("NONE error-fenced-member no static members before 2.3");
            return;
        }
        seen("error-fenced-member", () -> {
            try (var first = consumer("static", "group.instance.id", "one"); var second = consumer("static", "group.instance.id", "one")) {
                first.subscribe(Set.of(READ));
                take(first, 1, 30);
                second.subscribe(Set.of(READ));
                take(second, 1, 30);
                return error(() -> take(first, 1000, 30));
            }
        });
    }
}
