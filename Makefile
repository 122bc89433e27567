# tocsin: `make demo` shows it, `make check` tests it; README.md says more.

VERSION := 0.1.0
B ?= build
CC ?= gcc
PYTHON ?= /usr/bin/python3
PREFIX ?= /usr
CFLAGS ?= -O2 -g
SAN ?=
JOBS := $(shell nproc)

PKGS := libcurl json-c yaml-0.1 openssl libsystemd sqlite3 libpcre2-8

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Werror
# OpenSSF compiler guide, as far as this compiler and C library take it.
hash := \#
takes = $(if $(shell echo '$(hash)include <string.h>' | $(CC) -O2 -Werror \
	$(1) -c -x c -o /dev/null - >/dev/null 2>&1 && echo y),$(1),$(2))
HARDEN := -fstack-protector-strong -fno-delete-null-pointer-checks \
	-fno-strict-overflow -fno-strict-aliasing -fPIE
ifeq ($(SAN),)
HARDEN += -U_FORTIFY_SOURCE -fstack-clash-protection \
	$(call takes,-D_FORTIFY_SOURCE=3,-D_FORTIFY_SOURCE=2) \
	$(call takes,-ftrivial-auto-var-init=zero) $(call takes,-Wbidi-chars=any)
ifeq ($(shell uname -m),x86_64)
HARDEN += -fcf-protection=full
endif
else
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

ALL_CPPFLAGS := -D_GNU_SOURCE -DTOCSIN_VERSION='"$(VERSION)"' -Ilib -I. \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CPPFLAGS)
ALL_CFLAGS := -std=gnu11 $(WARN) $(HARDEN) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS := -fPIE -pie -Wl,-z,relro,-z,now,-z,noexecstack $(SANFLAGS) $(LDFLAGS)
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

# V=1 prints the whole commands.
ifeq ($(V),)
say = @echo "  $(1)	$@" &&
endif

# Left to right: a folder includes only what stands before it.
FOLDERS := base doc web rest aws alarm stackflow rule incident store
FOLDERS := $(foreach f,$(FOLDERS),$(if $(wildcard lib/$f/*.c),$f))
reverse = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
ARCHIVES := $(foreach f,$(call reverse,$(FOLDERS)),$B/lib/$f.a)

AGENT_SRC := $(filter-out agent/stackflow/%,$(wildcard agent/*.c agent/*/*.c))
AGENT_OBJ := $(AGENT_SRC:%.c=$B/%.o)
# The command line over libstackflow, and what it shares with tocsin's.
STACKFLOW_OBJ := $(patsubst %.c,$B/%.o,$(wildcard agent/stackflow/*.c)) \
	$(foreach f,args help program shells table term version,$B/agent/cmd/$f.o)
STACKFLOW_LIB := $(foreach f,stackflow rest doc base,$B/lib/$f.a)
UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
UNIT := $(UNIT_SRC:tests/%.c=$B/%)
FUZZ_SRC := $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
REPLAY := $(FUZZ_SRC:tests/fuzz/%.c=$B/replay/%)

.PHONY: all
all: $(if $(AGENT_SRC),$B/tocsin $B/stackflow)
ifeq ($(SAN),)
all: lib
endif

$B/tocsin: $(AGENT_OBJ) $(ARCHIVES)
	$(call say,LD)$(CC) $(ALL_LDFLAGS) -o $@ $(AGENT_OBJ) $(ARCHIVES) $(LIBS)

$B/stackflow: $(STACKFLOW_OBJ) $(STACKFLOW_LIB)
	$(call say,LD)$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $(STACKFLOW_OBJ) $(STACKFLOW_LIB) $(LIBS)

$B/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What tests themselves do needn't be fast, but many are compiled and linked.
ifeq ($(SAN),)
$B/tests/unit/%.o $B/tests/fuzz/%.o: ALL_CFLAGS += -O0 -U_FORTIFY_SOURCE \
	$(if $(findstring clang,$(CC)),,-Wno-format-truncation)
TEST_LDFLAGS := $(if $(shell command -v ld.gold),-fuse-ld=gold)
endif

# Its .incbin is of these, which the compiler doesn't tell.
$B/agent/admin/page.o: $(wildcard agent/admin/page/*)
$B/agent/cmd/shells.o: $(wildcard agent/cmd/shells/*)

define archive
$B/lib/$(1).a: $(patsubst %.c,$B/%.o,$(wildcard lib/$(1)/*.c))
	@rm -f $$@
	$$(call say,AR)$(AR) rcsD $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$f)))

# A unit test links its folder's archive and those to the left of it; its own
# helpers stand beside it as lib/<folder>'s do. Agent tests see all of lib/.
left = $(if $(filter $(1),$(FOLDERS)),$(call upto,$(1),$(FOLDERS)),$(FOLDERS))
upto = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call upto,$(1),$(wordlist 2,99,$(2)))))
define unit
$B/unit/$(1)/%_test: $B/tests/unit/$(1)/%_test.o \
		$(if $(filter agent,$(1)),$(filter-out $B/agent/main.o,$(AGENT_OBJ))) \
		$(foreach f,$(call reverse,$(call left,$(1))),$B/lib/$f.a)
	@mkdir -p $$(@D)
	$$(call say,LD)$(CC) $(ALL_LDFLAGS) $(TEST_LDFLAGS) -o $$@ $$^ $(LIBS) -lcmocka
endef
$(foreach d,$(sort $(notdir $(patsubst %/,%,$(dir $(UNIT_SRC))))),$(eval $(call unit,$d)))
.PRECIOUS: $B/%.o

.PHONY: unit
unit: $(UNIT)

# One folder's tests, built and run: make unit-doc
unit-%:
	@$(MAKE) --no-print-directory -j$(JOBS) $(filter $B/unit/$*/%,$(UNIT))
	@for t in $(filter $B/unit/$*/%,$(UNIT)); do echo "== $$t"; $$t || exit 1; done

# The same under valgrind: make valgrind-stackflow
valgrind-%:
	@packaging/deps valgrind
	@$(MAKE) --no-print-directory -j$(JOBS) $(filter $B/unit/$*/%,$(UNIT))
	@for t in $(filter $B/unit/$*/%,$(UNIT)); do echo "== $$t"; \
		valgrind -q --error-exitcode=9 --leak-check=full \
			--child-silent-after-fork=yes $$t || exit 1; done

# Each fuzz target with libFuzzer, and with a plain main that replays corpora.
$B/fuzz/%: tests/fuzz/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(filter %.o,$^) $(ARCHIVES) $(LIBS)

$B/replay/%: $B/tests/fuzz/%.o $B/tests/fuzz/replay.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_LDFLAGS) $(TEST_LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS)

# The targets whose code isn't of lib/.
RULETEST := $(foreach f,load payload event given expect run compare,$B/agent/ruletest/$f.o)
$B/fuzz/ruletest $B/replay/ruletest: $(RULETEST)
$B/fuzz/export $B/replay/export: $B/agent/past.o $B/agent/replay/spool.o

.PHONY: replay
replay: $(REPLAY)
	@for t in $(notdir $(REPLAY)); do \
		$B/replay/$$t tests/fuzz/corpus/$$t || exit 1; done

# SECONDS_EACH=30 make fuzz
SECONDS_EACH ?= 30
.PHONY: fuzz
fuzz:
	@$(MAKE) --no-print-directory -j$(JOBS) B=build-fuzz CC=clang SAN=fuzzer-no-link,address,undefined \
		CFLAGS="-O1 -g" $(FUZZ_SRC:tests/fuzz/%.c=build-fuzz/fuzz/%)
	@tests/fuzz/run $(SECONDS_EACH) $(FUZZ_SRC:tests/fuzz/%.c=%)

.PHONY: deps
deps:
	@packaging/deps

# Programs from npm that integration tests talk to; tests/peers/install says
# why where they can't be had, and the tests that need them are skipped.
.PHONY: peers
peers:
	@tests/peers/install

# The JSON Schemas that editors take, from the tables that the loaders read by;
# a test says where they have drifted apart.
.PHONY: schema
schema: all
	@for k in rules platform tests; do \
		$B/tocsin check --schema $$k >rules/schema/$$k.schema.json || exit 1; done

# What shells complete, from the tables of commands and options; a test says
# where they have drifted apart.
.PHONY: completions
completions: all
	@for p in tocsin stackflow; do for s in bash/$$p zsh/_$$p fish/$$p.fish; do \
		mkdir -p packaging/completion/$${s%/*} && \
		$B/$$p completion $${s%/*} >packaging/completion/$$s || exit 1; done; done

# The tables of the manual, from those of the code; a test says where they have
# drifted apart.
.PHONY: man
man:
	@packaging/manual

.PHONY: check
check: deps
	@tests/peers/install --if-can
	@$(MAKE) --no-print-directory -j$(JOBS) all unit replay
	@$(PYTHON) tests/run $B

# The whole suite, or TESTS="tests/integration/test_main_job.py".
TESTS ?=
.PHONY: asan tsan
asan:
	@$(MAKE) --no-print-directory -j$(JOBS) B=build-asan CC=clang SAN=address,undefined CFLAGS="-O1 -g" all unit replay
	@$(PYTHON) tests/run build-asan $(TESTS)
tsan:
	@$(MAKE) --no-print-directory -j$(JOBS) B=build-tsan CC=clang SAN=thread CFLAGS="-O1 -g" all unit
	@$(PYTHON) tests/run build-tsan $(TESTS)

# Five planted bugs in copies of the sources: each must be caught.
.PHONY: plant
plant: all
	@tests/plant/run $B

# The status page in Chromium; skipped with words where that isn't to be had.
.PHONY: check-page
check-page: deps
	@packaging/deps chromium || :
	@tests/peers/install --if-can
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tests/page/run $B

.PHONY: lint
lint:
	@tests/lint/run

.PHONY: bench
bench: all
	@tests/peers/install --if-can bench
	@tests/bench/run $B

.PHONY: demo run
demo: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@examples/demo $B
run: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@examples/demo $B --stay

include packaging/package.mk

.PHONY: clean
clean:
	rm -rf build build-asan build-tsan build-fuzz build-plant-* build-clang

-include $(shell find $B \( -path $B/packages -o -path $B/boot \) -prune -o \
	-type f -name '*.d' -print 2>/dev/null)
-include tests/bench/bench.mk
