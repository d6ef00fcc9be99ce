package tierstream.peers;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a program is started with: the file that the harness wrote, described in
 * bench/peers/README.md.
 *
 * @param commitIntervalMs null: as the program thinks best
 */
@JsonNaming(SnakeCaseStrategy.class)
@JsonIgnoreProperties(ignoreUnknown = true)
public record Job(
        String bootstrapServers,
        String group,
        String folder,
        int partitions,
        Map<String, String> topics,
        Integer commitIntervalMs,
        int windowDays,
        long[] recencyDays,
        long[] frequency,
        long[] monetaryMinor,
        List<Tier> tiers) {

    /** A tier by its name and the least score that reaches it. */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Tier(String name, int minScore) {}

    /** Read the file. */
    public static Job read(String path) throws IOException {
        return new ObjectMapper().readValue(new File(path), Job.class);
    }

    /** The topics to read. */
    public List<String> inputs() {
        return Stream.of("orders", "browse", "support", "probes").map(topics::get).toList();
    }

    /** What is counted, and how. */
    public Rules rules() {
        return new Rules(
                windowDays,
                recencyDays,
                frequency,
                monetaryMinor,
                tiers.stream().map(Tier::name).toArray(String[]::new),
                tiers.stream().mapToInt(Tier::minScore).toArray());
    }

    /** How often to commit, given what the program would choose. */
    public int commitIntervalOr(int chosenMs) {
        return commitIntervalMs == null ? chosenMs : commitIntervalMs;
    }

    /** Threads to compute on: one for each core, and each has at least a partition. */
    public int threads() {
        return Math.min(partitions, Runtime.getRuntime().availableProcessors());
    }

    /** Says once that the first record is about to be processed. */
    public static final class Started {
        private static volatile boolean isNoted;

        private Started() {}

        /** Note it, unless it was. */
        public static void note(String folder) {
            if (!isNoted) {
                isNoted = true;
                try {
                    Files.write(Path.of(folder, "started"), new byte[0]);
                } catch (IOException failed) {
                    throw new IllegalStateException(failed);
                }
            }
        }
    }
}
