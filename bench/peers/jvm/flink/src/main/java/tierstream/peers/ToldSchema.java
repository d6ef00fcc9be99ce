package tierstream.peers;

import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.serialization.SerializationSchema;

/** What was told as bytes. Classes, since Flink cannot tell the type that a lambda takes. */
final class ToldSchema {
    private ToldSchema() {}

    /** The key of the record. */
    static final class Key implements SerializationSchema<Told> {
        private static final long serialVersionUID = 1;

        @Override
        public byte[] serialize(Told told) {
            return told.customerId.getBytes(StandardCharsets.UTF_8);
        }
    }

    /** The value of the record. */
    static final class Value implements SerializationSchema<Told> {
        private static final long serialVersionUID = 1;

        @Override
        public byte[] serialize(Told told) {
            return told.value;
        }
    }
}
