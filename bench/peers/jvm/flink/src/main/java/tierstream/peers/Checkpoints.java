package tierstream.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds where to start from after a kill. */
final class Checkpoints {
    private static final String METADATA = "_metadata"; // there when a checkpoint is complete

    private Checkpoints() {}

    /** The folder of the newest complete checkpoint of any execution, if there is one. */
    static Optional<Path> newestOf(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.find(folder, 3, (path, kind) -> isMetadata(path))) {
            return files.max(Comparator.comparing(Checkpoints::written)).map(Path::getParent);
        }
    }

    private static boolean isMetadata(Path path) {
        return path.getFileName().toString().equals(METADATA);
    }

    private static FileTime written(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException failed) {
            throw new IllegalStateException(failed);
        }
    }
}
