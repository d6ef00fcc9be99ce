package tierstream.peers;

import java.io.IOException;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Applies each event to its customer, and tells when the tier changes; answers a probe aside. */
final class Classify extends KeyedProcessFunction<String, Event, Told> {
    /** Answers to probes. */
    static final OutputTag<Told> FIGURES = new OutputTag<>("figures") {};

    private static final long serialVersionUID = 1;

    private final Rules rules;
    private final String folder;
    private transient ValueState<Customer> kept;

    Classify(Rules rules, String folder) {
        this.rules = rules;
        this.folder = folder;
    }

    @Override
    public void open(OpenContext context) {
        kept = getRuntimeContext().getState(new ValueStateDescriptor<>("customer", Customer.class));
    }

    @Override
    public void processElement(Event event, Context context, Collector<Told> out)
            throws IOException {
        Job.Started.note(folder);
        Customer customer = kept.value();
        String customerId = event.customerId;
        if (event.isProbe) {
            context.output(FIGURES, new Told(customerId, Json.figures(customerId, customer)));
            return;
        }
        if (customer == null) {
            customer = new Customer();
        }
        String before = rules.apply(customer, event);
        kept.update(customer);
        if (before != null) {
            out.collect(new Told(customerId, Json.change(customerId, before, customer)));
        }
    }
}
