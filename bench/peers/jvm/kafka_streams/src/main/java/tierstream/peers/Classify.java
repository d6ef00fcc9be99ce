package tierstream.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Applies each event to its customer, and tells when the tier changes; answers a probe. */
final class Classify implements Processor<String, byte[], String, byte[]> {
    /** The sink of tier changes. */
    static final String CHANGES = "tier_changes";

    /** The sink of answers to probes. */
    static final String FIGURES = "figures";

    private final Rules rules;
    private final String folder;
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Customer> customers;

    Classify(Job job) {
        rules = job.rules();
        folder = job.folder();
    }

    @Override
    public void init(ProcessorContext<String, byte[]> given) {
        context = given;
        customers = given.getStateStore(KafkaStreamsPeer.STORE);
    }

    @Override
    public void process(Record<String, byte[]> record) {
        Job.Started.note(folder);
        Event event = read(record.value());
        Customer customer = customers.get(event.customerId);
        if (event.isProbe) {
            byte[] answer = Json.figures(event.customerId, customer);
            context.forward(record.withKey(event.customerId).withValue(answer), FIGURES);
            return;
        }
        if (customer == null) {
            customer = new Customer();
        }
        String before = rules.apply(customer, event);
        customers.put(event.customerId, customer);
        if (before != null) {
            byte[] change = Json.change(event.customerId, before, customer);
            context.forward(record.withKey(event.customerId).withValue(change), CHANGES);
        }
    }

    private Event read(byte[] value) {
        try {
            return Json.event(value, context.recordMetadata().orElseThrow().offset());
        } catch (IOException malformed) {
            throw new UncheckedIOException(malformed);
        }
    }
}
