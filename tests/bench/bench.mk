# The measuring programs of `make bench`: tests/bench/run starts them.

BENCH := $(patsubst tests/bench/%.c,$B/bench/%,$(wildcard tests/bench/*.c))

$B/bench/%: tests/bench/%.c tests/bench/bench.mk
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< -lssl -lcrypto

# Those of tocsin's own code.
$B/bench/decide $B/bench/calls: $B/bench/%: tests/bench/%.c tests/bench/bench.mk $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)

bench: $(BENCH)
