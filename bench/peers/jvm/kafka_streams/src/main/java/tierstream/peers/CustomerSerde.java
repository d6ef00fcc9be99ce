package tierstream.peers;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** A customer as binary fields: day, last order day, applied, tier, and the days to the end. */
final class CustomerSerde implements Serde<Customer> {
    private static final int FIXED_BYTES = 4 + 4 + 8 + 1;

    @Override
    public Serializer<Customer> serializer() {
        return (topic, customer) -> customer == null ? null : packed(customer);
    }

    @Override
    public Deserializer<Customer> deserializer() {
        return (topic, bytes) -> bytes == null ? null : unpacked(ByteBuffer.wrap(bytes));
    }

    private static byte[] packed(Customer customer) {
        byte[] tier = customer.tier.getBytes(StandardCharsets.UTF_8);
        int length = FIXED_BYTES + tier.length + customer.days.length * Long.BYTES;
        ByteBuffer buffer = ByteBuffer.allocate(length);
        buffer.putInt(customer.day).putInt(customer.lastOrderDay).putLong(customer.applied);
        buffer.put((byte) tier.length).put(tier);
        for (long number : customer.days) {
            buffer.putLong(number);
        }
        return buffer.array();
    }

    private static Customer unpacked(ByteBuffer buffer) {
        Customer customer = new Customer();
        customer.day = buffer.getInt();
        customer.lastOrderDay = buffer.getInt();
        customer.applied = buffer.getLong();
        byte[] tier = new byte[buffer.get()];
        buffer.get(tier);
        customer.tier = new String(tier, StandardCharsets.UTF_8);
        customer.days = new long[buffer.remaining() / Long.BYTES];
        buffer.asLongBuffer().get(customer.days);
        return customer;
    }
}
