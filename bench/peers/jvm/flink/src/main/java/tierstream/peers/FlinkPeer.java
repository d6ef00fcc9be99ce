package tierstream.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaSinkBuilder;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * The job in Flink as its documentation has it: a Kafka source, a keyed process function, Kafka
 * sinks, in a local mini-cluster.
 *
 * <p>Choices, each from the documentation of checkpoints, state backends and the Kafka connector:
 *
 * <ul>
 *   <li>State in RocksDB, with incremental checkpoints each second into files, exactly once. After a
 *       kill it starts from the newest complete checkpoint, which it claims.
 *   <li>Tier changes exactly once, in transactions that end with a checkpoint, and with pooled names
 *       of transactions, which burdens the broker least. Answers to probes at least once.
 *   <li>The source commits its offsets when a checkpoint is complete. From then on state and tier
 *       changes are durable: a transaction that is not yet committed is, after a restart.
 *   <li>`pipeline.object-reuse`, since no function keeps what it was given. Events and customers are
 *       POJOs, for which Flink has serializers of its own; an event is made of the bytes at the
 *       source, so that only what matters is shuffled.
 *   <li>A parallelism of one task for each core. Managed memory, of which RocksDB has all, is 512 MiB
 *       instead of the 128 MiB of a mini-cluster. No restarts within the process: it ends instead.
 *   <li>Producers: larger batches, `linger.ms` and lz4. Flink's hour for `transaction.timeout.ms` is
 *       more than a broker allows by default; 10 minutes are not.
 *   <li>G1 and the packages that Flink's own configuration opens on Java 17 (`java.options`).
 * </ul>
 */
public final class FlinkPeer {
    private static final int CHECKPOINT_INTERVAL_MS = 1_000;

    private FlinkPeer() {}

    /** Run with the path of the job's file. */
    public static void main(String[] arguments) throws Exception {
        Job job = Job.read(arguments[0]);
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.createLocalEnvironment(job.threads(), settings(job));
        SingleOutputStreamOperator<Told> told =
                environment
                        .fromSource(source(job), WatermarkStrategy.noWatermarks(), "events")
                        .uid("events")
                        .keyBy(event -> event.customerId)
                        .process(new Classify(job.rules(), job.folder()))
                        .returns(Told.class)
                        .name("classify")
                        .uid("classify");
        KafkaSinkBuilder<Told> changes =
                KafkaSink.<Told>builder()
                        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                        .setTransactionalIdPrefix(job.group())
                        .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING);
        told.sinkTo(sink(changes, job, "tier_changes")).name("changes").uid("changes");
        KafkaSinkBuilder<Told> figures =
                KafkaSink.<Told>builder().setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE);
        told.getSideOutput(Classify.FIGURES)
                .sinkTo(sink(figures, job, "figures"))
                .name("figures")
                .uid("figures");
        environment.execute(job.group());
        System.exit(1); // the inputs have no end
    }

    private static Configuration settings(Job job) throws IOException {
        Path folder = Path.of(job.folder());
        Path checkpoints = folder.resolve("checkpoints");
        Configuration settings = new Configuration();
        settings.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
        settings.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
        settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        settings.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints.toUri().toString());
        settings.set(
                CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE,
                CheckpointingMode.EXACTLY_ONCE);
        settings.set(
                CheckpointingOptions.CHECKPOINTING_INTERVAL,
                Duration.ofMillis(job.commitIntervalOr(CHECKPOINT_INTERVAL_MS)));
        settings.set(
                CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        settings.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        settings.set(PipelineOptions.OBJECT_REUSE, true);
        settings.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(512));
        Path temporary = Files.createDirectories(folder.resolve("tmp"));
        settings.set(CoreOptions.TMP_DIRS, temporary.toString());
        Optional<Path> newest = Checkpoints.newestOf(checkpoints);
        if (newest.isPresent()) {
            settings.set(StateRecoveryOptions.SAVEPOINT_PATH, newest.get().toUri().toString());
            settings.set(StateRecoveryOptions.RESTORE_MODE, RecoveryClaimMode.CLAIM);
        }
        return settings;
    }

    private static KafkaSource<Event> source(Job job) {
        return KafkaSource.<Event>builder()
                .setBootstrapServers(job.bootstrapServers())
                .setGroupId(job.group())
                .setTopics(job.inputs())
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new EventSchema())
                .build();
    }

    private static KafkaSink<Told> sink(KafkaSinkBuilder<Told> builder, Job job, String name) {
        Properties producer = new Properties();
        producer.put("acks", "all");
        producer.put("linger.ms", "50");
        producer.put("batch.size", String.valueOf(256 << 10));
        producer.put("compression.type", "lz4");
        producer.put("transaction.timeout.ms", "600000");
        return builder.setBootstrapServers(job.bootstrapServers())
                .setKafkaProducerConfig(producer)
                .setRecordSerializer(
                        KafkaRecordSerializationSchema.<Told>builder()
                                .setTopic(job.topics().get(name))
                                .setKeySerializationSchema(new ToldSchema.Key())
                                .setValueSerializationSchema(new ToldSchema.Value())
                                .build())
                .build();
    }
}
