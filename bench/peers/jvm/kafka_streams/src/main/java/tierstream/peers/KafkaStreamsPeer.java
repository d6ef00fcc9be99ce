package tierstream.peers;

import java.io.IOException;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/**
 * The job in Kafka Streams as its documentation has it: a processor with a persistent state store.
 *
 * <p>Choices, each from the developer guide and the list of settings:
 *
 * <ul>
 *   <li>The Processor API, which the guide has for logic of one's own on a state; all input topics in
 *       one source, so that they share partitions and the state of a customer.
 *   <li>State in RocksDB with a changelog topic, as ever. Record caching is enabled, so that a
 *       customer who changes often is written once for each commit; `statestore.cache.max.bytes` is
 *       large enough for that (the default is 10 MiB for all threads).
 *   <li>`processing.guarantee`: the first argument, `exactly_once_v2` or `at_least_once`.
 *   <li>`commit.interval.ms` of 1 s for both. The default of exactly once, 100 ms, costs throughput,
 *       as the guide says; the other default, 30 s, would let the clock wait for the last commit.
 *   <li>`num.stream.threads`: a thread for each core. `metrics.recording.level` as it is by default.
 *   <li>Producer: larger batches and lz4, with the `linger.ms` of 100 that Kafka Streams sets anyway.
 *       Consumer: more records a poll, and more that wait in a task.
 *   <li>Values of the store as plain binary fields, which is quicker than JSON.
 *   <li>G1, as in Kafka's own start script, and a heap of fixed size (`java.options`).
 * </ul>
 */
public final class KafkaStreamsPeer {
    /** Name of the state store. */
    static final String STORE = "customers";

    private static final int COMMIT_INTERVAL_MS = 1_000;
    private static final long CACHE_BYTES = 256L << 20;

    private KafkaStreamsPeer() {}

    /** Run with the processing guarantee and the path of the job's file. */
    public static void main(String[] arguments) throws IOException {
        Job job = Job.read(arguments[1]);
        KafkaStreams streams = new KafkaStreams(topology(job), settings(job, arguments[0]));
        streams.setUncaughtExceptionHandler(
                failure -> StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
        streams.setStateListener(
                (now, before) -> {
                    if (now == State.ERROR) {
                        Runtime.getRuntime().halt(1); // the reason is in the log
                    }
                });
        streams.start();
    }

    private static Topology topology(Job job) {
        String changes = job.topics().get(Classify.CHANGES);
        String figures = job.topics().get(Classify.FIGURES);
        return new Topology()
                .addSource(
                        "events",
                        new StringDeserializer(),
                        new ByteArrayDeserializer(),
                        job.inputs().toArray(String[]::new))
                .addProcessor("classify", () -> new Classify(job), "events")
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                        Stores.persistentKeyValueStore(STORE),
                                        Serdes.String(),
                                        new CustomerSerde())
                                .withCachingEnabled(),
                        "classify")
                .addSink(
                        Classify.CHANGES,
                        changes,
                        new StringSerializer(),
                        new ByteArraySerializer(),
                        "classify")
                .addSink(
                        Classify.FIGURES,
                        figures,
                        new StringSerializer(),
                        new ByteArraySerializer(),
                        "classify");
    }

    private static Properties settings(Job job, String guarantee) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, job.group());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.bootstrapServers());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, job.folder() + "/state");
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        settings.put(
                StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, job.commitIntervalOr(COMMIT_INTERVAL_MS));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, job.threads());
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        settings.put(
                StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5_000);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
        return settings;
    }
}
