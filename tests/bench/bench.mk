# The measuring programs of `make bench`: tests/bench/run starts them.

BENCH := $(patsubst tests/bench/%.c,$B/bench/%,$(wildcard tests/bench/*.c))

$B/bench/%: tests/bench/%.c tests/bench/bench.mk
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< -lssl -lcrypto

bench: $(BENCH)
