import java.util.Arrays;
import java.util.Locale;
import java.util.Properties;
import java.util.regex.Pattern;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

/** Counts words: `WordCount HOST:PORT APPLICATION STATE_FOLDER` reads APPLICATION-input; ends cleanly when it is told to (SIGTERM). */
class WordCount {
    /** The same as in streams.py, which counts without a broker. */
    static final Pattern NO_WORD = Pattern.compile("[^a-z]+");

    public static void main(String[] arguments) {
        String application = arguments[1];
        var settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("application.id", application);
        settings.put("state.dir", arguments[2]);
        settings.put("num.stream.threads", "2");
        settings.put("default.key.serde", Serdes.StringSerde.class);
        settings.put("default.value.serde", Serdes.StringSerde.class);
        settings.put("commit.interval.ms", "200");
        // The store's every change is sent on, and what was read of the repartition topic is deleted soon.
        settings.put("statestore.cache.max.bytes", "0");
        settings.put("repartition.purge.interval.ms", "1000");
        settings.put("consumer.auto.offset.reset", "earliest");
        // Streams does not say goodbye to its group, also when it is closed: its next start waits until it is missed.
        settings.put("consumer.session.timeout.ms", "6000");
        settings.put("consumer.heartbeat.interval.ms", "1000");

        var builder = new StreamsBuilder();
        builder.<String, String>stream(application + "-input")
            .flatMapValues(line -> Arrays.asList(NO_WORD.split(line.toLowerCase(Locale.ROOT))))
            .filter((key, word) -> !word.isEmpty())
            .groupBy((key, word) -> word)
            .count(Materialized.as("counts"))
            .toStream()
            .to(application + "-output", Produced.with(Serdes.String(), Serdes.Long()));
        var streams = new KafkaStreams(builder.build(), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
