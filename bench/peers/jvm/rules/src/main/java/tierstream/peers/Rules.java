package tierstream.peers;

import java.io.Serializable;

/**
 * The job of every peer, as in bench/peers/rules/rfm.py: RFM over a rolling window, and the tier that
 * follows.
 *
 * @param windowDays length of the window
 * @param recencyDays cut-offs, ascending
 * @param frequency cut-offs, ascending
 * @param monetaryMinor cut-offs in cents, ascending
 * @param tiers names, best first
 * @param minScores the least score of each tier
 */
public record Rules(
        int windowDays,
        long[] recencyDays,
        long[] frequency,
        long[] monetaryMinor,
        String[] tiers,
        int[] minScores)
        implements Serializable {

    /**
     * Let an event change its customer.
     *
     * @param customer is changed in place
     * @param event an order or another event, no probe; an order that was applied before is skipped
     * @return the tier before, if it is another now; else null
     */
    public String apply(Customer customer, Event event) {
        if (event.isOrder && event.offset > customer.applied) {
            customer.applied = event.offset;
            customer.lastOrderDay = Math.max(customer.lastOrderDay, event.day);
            customer.add(event.day, event.minor);
        }
        customer.day = Math.max(customer.day, event.day);
        customer.dropBefore(customer.day - windowDays + 1);
        String before = customer.tier;
        customer.tier = tierOf(customer);
        return customer.tier.equals(before) ? null : before;
    }

    private String tierOf(Customer customer) {
        Integer recency = customer.recencyDays();
        if (recency == null) {
            return Customer.PROSPECT;
        }
        int aboveLeast = // R + F + M - 3
                recencyDays.length
                        - reached(recencyDays, recency - 1L)
                        + reached(frequency, customer.frequency())
                        + reached(monetaryMinor, customer.monetaryMinor());
        int score = 100 * aboveLeast / 12;
        int rank = 0;
        while (score < minScores[rank]) {
            rank++;
        }
        return tiers[rank];
    }

    /** How many cut-offs are not above the value. */
    private static int reached(long[] cutoffs, long value) {
        int count = 0;
        while (count < cutoffs.length && cutoffs[count] <= value) {
            count++;
        }
        return count;
    }
}
