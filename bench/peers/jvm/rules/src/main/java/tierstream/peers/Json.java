package tierstream.peers;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.time.LocalDate;

/** Records as JSON, by Jackson. Its readers and writers are kept, as its guide advises. */
public final class Json {
    private static final String ORDER = "order.placed";
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final ObjectReader EVENTS = MAPPER.readerFor(Fields.class);
    private static final ObjectWriter CHANGES = MAPPER.writerFor(Change.class);
    private static final ObjectWriter FIGURES = MAPPER.writerFor(Figures.class);

    private Json() {}

    /**
     * Read an event or a probe.
     *
     * @param value of the record
     * @param offset of the record
     */
    public static Event event(byte[] value, long offset) throws IOException {
        Fields fields = EVENTS.readValue(value);
        Event event = new Event();
        event.customerId = fields.customerId;
        event.offset = offset;
        event.isProbe = fields.type == null;
        if (!event.isProbe) {
            event.day = dayOf(fields.occurredAt);
            event.isOrder = ORDER.equals(fields.type);
            event.minor = event.isOrder ? Long.parseLong(fields.amount.replace(".", "")) : 0;
        }
        return event;
    }

    /** The record of a tier change. */
    public static byte[] change(String customerId, String previousTier, Customer customer) {
        return bytes(CHANGES, new Change(customerId, previousTier, customer.tier));
    }

    /** The answer to a probe; customer null: there was no event. */
    public static byte[] figures(String customerId, Customer customer) {
        Customer known = customer == null ? new Customer() : customer;
        return bytes(
                FIGURES,
                new Figures(
                        customerId,
                        known.recencyDays(),
                        known.frequency(),
                        known.monetaryMinor(),
                        known.tier));
    }

    private static int dayOf(String occurredAt) {
        int year = Integer.parseInt(occurredAt, 0, 4, 10);
        int month = Integer.parseInt(occurredAt, 5, 7, 10);
        int day = Integer.parseInt(occurredAt, 8, 10, 10);
        return Math.toIntExact(LocalDate.of(year, month, day).toEpochDay());
    }

    private static byte[] bytes(ObjectWriter writer, Object value) {
        try {
            return writer.writeValueAsBytes(value);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @JsonIgnoreProperties(ignoreUnknown = true)
    private static final class Fields {
        @JsonProperty("customer_id")
        public String customerId;

        @JsonProperty("occurred_at")
        public String occurredAt;

        public String type;
        public String amount;
    }

    private record Change(
            @JsonProperty("customer_id") String customerId,
            @JsonProperty("previous_tier") String previousTier,
            @JsonProperty("tier") String tier) {}

    private record Figures(
            @JsonProperty("customer_id") String customerId,
            @JsonProperty("recency_days") Integer recencyDays,
            @JsonProperty("frequency") long frequency,
            @JsonProperty("monetary_minor") long monetaryMinor,
            @JsonProperty("tier") String tier) {}
}
