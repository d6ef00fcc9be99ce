package tierstream.peers;

/** An event of any input topic, or a probe. Public fields, so that Flink takes it for a POJO. */
public final class Event {
    public String customerId;

    /** A question for the figures as they stand; nothing else of it matters. */
    public boolean isProbe;

    public boolean isOrder;

    /** Days since 1970, in UTC. */
    public int day;

    /** Cents of an order. */
    public long minor;

    /** Of the record in its partition. */
    public long offset;
}
