# The shared library, what is installed where, and the packages.

SOVERSION := 0
LIBDIR ?= $(PREFIX)/lib
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR ?= zsh/site-functions
INSTALL := install
SHARE := $(DESTDIR)$(PREFIX)/share

# libstackflow: what programs of others may call, under names that begin with
# sf_ whatever they are called in here; all else stays inside. tocsin itself is
# linked with the archives. It may be loaded by dlopen, as bindings do.
SHLIB := $B/libstackflow.so.$(VERSION)
SHLIB_MAP := lib/stackflow/libstackflow.map
SHLIB_SRC := $(wildcard lib/base/*.c lib/rest/*.c lib/stackflow/*.c) \
	$(foreach f,flat json jsonw keyset members parse scan,lib/doc/$f.c)
SHLIB_OBJ := $(SHLIB_SRC:%.c=$B/pic/%.o)
SHLIB_PKGS := libcurl json-c libcrypto
# sf_answer_done is known by its address, which has to be the program's own
# one: no -Bsymbolic-functions. nodelete: a client has a thread in here.
SHLIB_LDFLAGS := -shared -Wl,-soname,libstackflow.so.$(SOVERSION) \
	-Wl,--version-script,$(SHLIB_MAP) -Wl,-z,defs -Wl,-z,nodelete \
	-Wl,--as-needed -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
PUBLIC := $(addprefix stackflow/,stackflow.h answer.h env.h context.h \
		audit.h pages.h bulk.h knowledge.h ai.h changes.h login.h) \
	rest/rest.h doc/json.h doc/jsonw.h \
	base/str.h base/buf.h base/err.h base/arena.h

$B/pic/names.h: $(SHLIB_MAP) packaging/names
	@mkdir -p $(@D)
	@packaging/names $< >$@

$B/pic/%.o: %.c $B/pic/names.h Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CPPFLAGS) -include $B/pic/names.h \
		$(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -MMD -MP -c -o $@ $<

$(SHLIB): $(SHLIB_OBJ) $(SHLIB_MAP)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(SHLIB_LDFLAGS) -o $@ $(SHLIB_OBJ) \
		$(shell pkg-config --libs $(SHLIB_PKGS) 2>/dev/null) -lpthread -lm

.PHONY: lib
lib: $(SHLIB)

# Is a program that was built on the library of packaging/abi still well with
# this one? abi-baseline makes this one what later ones are compared with.
.PHONY: check-abi abi-baseline
check-abi abi-baseline:
	@packaging/deps abigail-tools
	@$(MAKE) --no-print-directory -j$(JOBS) lib
	@packaging/abi/check $(if $(filter abi-baseline,$@),--baseline) \
		$(SHLIB) $(SOVERSION) $(addprefix lib/,$(PUBLIC))

.PHONY: install install-tocsin install-lib install-headers install-dev
install: install-tocsin install-lib install-dev

# What a person may have changed in /etc stays, where there is no package
# manager to ask.
install_conf = test -n "$(DESTDIR)" -o ! -e $(2) && \
	$(INSTALL) -m $(3) $(1) $(2) || test -e $(2)

# The demo wants a source tree, the programs in C want the library's headers;
# what speaks to StackFlow itself stands with them.
EXAMPLES := $(shell find examples -type f ! -name demo ! -path '*/libstackflow/*' \
	! -path '*/postman/*' 2>/dev/null)

install-tocsin: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin
	$(INSTALL) -m 0755 $B/tocsin $(DESTDIR)$(PREFIX)/bin/tocsin
	$(INSTALL) -m 0755 $B/stackflow $(DESTDIR)$(PREFIX)/bin/stackflow
	for m in $(wildcard packaging/man/*.[15678]); do \
		$(INSTALL) -D -m 0644 $$m $(SHARE)/man/man$${m##*.}/$${m##*/} || exit 1; done
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	for u in $(wildcard $(addprefix packaging/systemd/*.,service socket timer path target)); do \
		$(INSTALL) -m 0644 $$u $(DESTDIR)$(UNITDIR)/ || exit 1; done
	$(INSTALL) -D -m 0644 packaging/sysusers.d/tocsin.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/tocsin.conf
	$(INSTALL) -D -m 0644 packaging/tmpfiles.d/tocsin.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/tocsin.conf
	$(INSTALL) -d $(SHARE)/tocsin/rules/samples $(SHARE)/tocsin/rules/schema
	$(INSTALL) -m 0644 rules/schema/*.json $(SHARE)/tocsin/rules/schema/
	$(INSTALL) -m 0644 rules/*.yaml rules/README.md $(SHARE)/tocsin/rules/
	$(INSTALL) -m 0644 rules/samples/*.json* $(SHARE)/tocsin/rules/samples/
	$(INSTALL) -d -m 0750 $(DESTDIR)$(SYSCONFDIR)/tocsin
	$(INSTALL) -d $(DESTDIR)$(SYSCONFDIR)/tocsin/rules.d/samples
	$(call install_conf,packaging/tocsin.yaml,$(DESTDIR)$(SYSCONFDIR)/tocsin/tocsin.yaml,0640)
	for f in $(patsubst rules/%,%,$(wildcard rules/*.yaml rules/samples/*.json*)); do \
		$(call install_conf,rules/$$f,$(DESTDIR)$(SYSCONFDIR)/tocsin/rules.d/$$f,0644) || exit 1; done
	$(INSTALL) -D -m 0644 README.md $(SHARE)/doc/tocsin/README.md
	$(INSTALL) -D -m 0644 SECURITY.md $(SHARE)/doc/tocsin/SECURITY.md
	for f in $(EXAMPLES); do \
		$(INSTALL) -D -m 0644 $$f $(SHARE)/doc/tocsin/$$f || exit 1; done
	$(call install_completions,bash,bash-completion/completions)
	$(call install_completions,zsh,$(ZSHDIR))
	$(call install_completions,fish,fish/vendor_completions.d)

# install_completions SHELL FOLDER: those of both programs
install_completions = for f in $(wildcard packaging/completion/$(1)/*); do \
	$(INSTALL) -D -m 0644 $$f $(SHARE)/$(2)/$${f\#\#*/} || exit 1; done

install-lib: $(SHLIB)
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)
	$(INSTALL) -m 0755 $(SHLIB) $(DESTDIR)$(LIBDIR)/
	ln -sf libstackflow.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libstackflow.so.$(SOVERSION)

INCLUDE := $(DESTDIR)$(PREFIX)/include/stackflow
install-headers: $B/pic/names.h
	$(INSTALL) -d $(INCLUDE)/base $(INCLUDE)/doc $(INCLUDE)/rest
	$(INSTALL) -m 0644 $B/pic/names.h $(INCLUDE)/names.h
	for h in $(PUBLIC); do \
		packaging/header lib/$$h >$(INCLUDE)/$${h#stackflow/} || exit 1; \
		chmod 0644 $(INCLUDE)/$${h#stackflow/} || exit 1; done

DEVDOC ?= libstackflow-devel
install-dev: install-lib install-headers
	ln -sf libstackflow.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libstackflow.so
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig
	sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@LIBDIR@,$(LIBDIR),' \
		-e 's,@VERSION@,$(VERSION),' packaging/stackflow.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/stackflow.pc
	chmod 0644 $(DESTDIR)$(LIBDIR)/pkgconfig/stackflow.pc
	for f in $(wildcard examples/libstackflow/*.c examples/postman/*.json); do \
		$(INSTALL) -D -m 0644 $$f $(SHARE)/doc/$(DEVDOC)/examples/$${f##*/} || exit 1; done
	for m in $(wildcard packaging/man/*.3); do \
		$(INSTALL) -D -m 0644 $$m $(SHARE)/man/man3/$${m##*/} || exit 1; done

# Into $B/packages, from a copy of the tree; packaging/build says more.
.PHONY: deb rpm check-packages-quick
deb rpm:
	@packaging/deps --packaging
	@packaging/build $@ $(abspath $B)/packages $(VERSION)

# The packages under a real systemd, in a folder that debootstrap makes; needs
# root. tests/package/boot/run says more.
.PHONY: check-package
check-package:
	@[ "$$(id -u)" = 0 ] || { echo "check-package: systemd-nspawn needs root:" \
		"run it as root, or with sudo" >&2; exit 1; }
	@packaging/deps --packaging debootstrap systemd-container iproute2
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@$(PYTHON) tests/package/boot/run $(abspath $B)

# What can be seen of the packages without booting them; TOCSIN_REPRODUCIBLE
# names the kinds that are built twice and compared: "deb", or "deb rpm".
check-packages-quick:
	@packaging/deps --packaging
	@$(MAKE) --no-print-directory -j$(JOBS) all lib
	@TOCSIN_BUILD=$(abspath $B) $(PYTHON) -m pytest -q -p no:cacheprovider tests/package/quick
