-- Advance the stored offset of a topic of which only the timelines keep something.
-- KEYS, ARGV: as for the moves up to the number of records; there are no records.

--#include changes_head.lua

applied = count

--#include changes_tail.lua
