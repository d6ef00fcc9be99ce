package tierstream.peers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Applies events from standard input, and says after each what became of its customer, for a
 * comparison with the Python rules.
 *
 * <p>Arguments: window, then the cut-offs of recency, frequency and monetary value, the tiers and
 * their least scores, each list joined by commas. A line in: customer, day, cents (-1: no order) and
 * offset. A line out: the tier before (or -), recency (or null), frequency, cents and tier.
 */
final class Replay {
    private Replay() {}

    public static void main(String[] arguments) throws IOException {
        Rules rules =
                new Rules(
                        Integer.parseInt(arguments[0]),
                        numbers(arguments[1]),
                        numbers(arguments[2]),
                        numbers(arguments[3]),
                        arguments[4].split(","),
                        Arrays.stream(numbers(arguments[5])).mapToInt(Math::toIntExact).toArray());
        Map<String, Customer> customers = new HashMap<>();
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        StringBuilder told = new StringBuilder();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Event event = event(line.split(" "));
            Customer customer =
                    customers.computeIfAbsent(event.customerId, unknown -> new Customer());
            String before = rules.apply(customer, event);
            told.append(before == null ? "-" : before).append(' ');
            told.append(customer.recencyDays()).append(' ').append(customer.frequency()).append(' ');
            told.append(customer.monetaryMinor()).append(' ').append(customer.tier).append('\n');
        }
        System.out.print(told);
    }

    private static Event event(String[] fields) {
        Event event = new Event();
        event.customerId = fields[0];
        event.day = Integer.parseInt(fields[1]);
        event.isOrder = !fields[2].equals("-1");
        event.minor = event.isOrder ? Long.parseLong(fields[2]) : 0;
        event.offset = Long.parseLong(fields[3]);
        return event;
    }

    private static long[] numbers(String text) {
        return Arrays.stream(text.split(",")).mapToLong(Long::parseLong).toArray();
    }
}
