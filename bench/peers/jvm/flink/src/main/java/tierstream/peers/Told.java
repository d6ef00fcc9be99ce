package tierstream.peers;

/** A record to write. Public fields, so that Flink takes it for a POJO. */
public final class Told {
    public String customerId;

    /** In JSON. */
    public byte[] value;

    public Told() {}

    Told(String customerId, byte[] value) {
        this.customerId = customerId;
        this.value = value;
    }
}
