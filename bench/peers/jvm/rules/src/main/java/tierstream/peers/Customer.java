package tierstream.peers;

import java.util.Arrays;

/** What is kept of a customer. Public fields, so that Flink takes it for a POJO. */
public final class Customer {
    /** Before the first order. */
    public static final String PROSPECT = "prospect";

    private static final int DAY = 0;
    private static final int ORDERS = 1;
    private static final int MINOR = 2;
    private static final int WIDTH = 3;

    /** Of the newest event; 0 before the first. */
    public int day;

    /** 0 without an order. */
    public int lastOrderDay;

    /** Offset of the newest order applied; -1 without one. */
    public long applied = -1;

    public String tier = PROSPECT;

    /** Day, orders, cents, by turns, for each day with orders in the window, ascending by day. */
    public long[] days = {};

    /** Days from the newest order to the newest event; null without an order. */
    public Integer recencyDays() {
        return lastOrderDay == 0 ? null : day - lastOrderDay;
    }

    /** Orders in the window. */
    public long frequency() {
        return sum(ORDERS);
    }

    /** Cents of the orders in the window. */
    public long monetaryMinor() {
        return sum(MINOR);
    }

    /** Add an order of a day. */
    void add(int orderDay, long minor) {
        int place = days.length;
        while (place > 0 && days[place - WIDTH + DAY] > orderDay) {
            place -= WIDTH;
        }
        if (place == 0 || days[place - WIDTH + DAY] < orderDay) {
            long[] more = new long[days.length + WIDTH];
            System.arraycopy(days, 0, more, 0, place);
            System.arraycopy(days, place, more, place + WIDTH, days.length - place);
            days = more;
            days[place + DAY] = orderDay;
            place += WIDTH;
        }
        days[place - WIDTH + ORDERS] += 1;
        days[place - WIDTH + MINOR] += minor;
    }

    /** Forget the days before one. */
    void dropBefore(int first) {
        int gone = 0;
        while (gone < days.length && days[gone + DAY] < first) {
            gone += WIDTH;
        }
        if (gone > 0) {
            days = Arrays.copyOfRange(days, gone, days.length);
        }
    }

    private long sum(int column) {
        long total = 0;
        for (int place = column; place < days.length; place += WIDTH) {
            total += days[place];
        }
        return total;
    }
}
