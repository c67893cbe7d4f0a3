# Tidegate: one Makefile. `make help` lists the targets.
.DEFAULT_GOAL := all
BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
Q        := $(if $(V),,@)
SAY      := @$(if $(V),:,echo)
PYTHON   ?= /usr/bin/python3

ROOMS    := control smtpd deliver queue lookup conf lib
MAINS    := $(foreach room,$(ROOMS),$(wildcard $(room)/main.c $(room)/*_main.c))
SOURCES  := $(filter-out $(MAINS),$(foreach room,$(ROOMS),$(wildcard $(room)/*.c)))
HEADERS  := $(foreach room,$(ROOMS),$(wildcard $(room)/*.h))
UNITS    := $(wildcard tests/unit/*/test_*.c)
FUZZERS  := $(wildcard tests/fuzz/fuzz_*.c)

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla -Werror
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
OPTIMISE ?= -O2 -g
CFLAGS   += -std=c17 $(OPTIMISE) $(WARNINGS) $(HARDEN) $(VARIANT)
CPPFLAGS += -D_GNU_SOURCE -I. -include lib/banned.h -MMD -MP
LIBS      = -lspf2 -lcdb -lcares -lseccomp -levent_core -lconfuse -lssl -lcrypto -lidn2 -lunistring -lcrypt -lpthread

ARCHIVES := $(foreach room,$(ROOMS),$(BUILD)/lib/$(room).a)
PROGRAMS := tidegate tidegate-door tidegate-caller tidegate-smtpd tidegate-dns tidegate-auth tidegate-keys tidegate-deliver
BINS     := $(PROGRAMS:%=$(BUILD)/bin/%)
TESTBINS := $(UNITS:tests/unit/%.c=$(BUILD)/unit/%)
SEEDBINS := $(FUZZERS:tests/fuzz/fuzz_%.c=$(BUILD)/seeds/%)

MAIN_tidegate         := control/main
MAIN_tidegate-door    := control/door_main
MAIN_tidegate-caller  := control/caller_main
MAIN_tidegate-smtpd   := smtpd/main
MAIN_tidegate-dns     := lookup/dns_main
MAIN_tidegate-auth    := lookup/auth_main
MAIN_tidegate-keys    := smtpd/keys_main
MAIN_tidegate-deliver := deliver/main

all: $(BINS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# A source file that comes, goes or changes its name may be older than its room's archive: the list of members tells.
MEMBERS   = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter $(1)/%,$(SOURCES)))
define ARCHIVE
$(BUILD)/lib/$(1).a: $(BUILD)/lib/$(1).members $(MEMBERS)
	@rm -f $$@
	$$(Q)$(AR) rcs $$@ $$(filter %.o,$$^)
$(BUILD)/lib/$(1).members: always
	@mkdir -p $$(@D)
	@echo $(MEMBERS) | cmp -s - $$@ || echo $(MEMBERS) >$$@
endef
$(foreach room,$(ROOMS),$(eval $(call ARCHIVE,$(room))))

.SECONDEXPANSION:
$(BINS): $(BUILD)/bin/%: $(BUILD)/obj/$$(MAIN_$$*).o $(ARCHIVES)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $< $(ARCHIVES) -lcmocka $(LIBS)

# Stand-ins for smtpd: two that try what deliver and keys must refuse (tests/sandbox), one that asks auth
# (tests/integration).
STANDINS := $(BUILD)/test/hostile-smtpd $(BUILD)/test/hostile-signer $(BUILD)/test/auth-asker
$(BUILD)/test/hostile-smtpd: $(patsubst %,$(BUILD)/obj/tests/sandbox/%.o,hostile_smtpd hostile_asks) $(ARCHIVES)
$(BUILD)/test/hostile-signer: $(BUILD)/obj/tests/sandbox/hostile_signer.o $(ARCHIVES)
$(BUILD)/test/auth-asker: $(BUILD)/obj/tests/integration/auth_asker.o $(ARCHIVES)
# Every fuzzer once more with an ordinary main(), which replays the kept seeds.
$(SEEDBINS): $(BUILD)/seeds/%: $(patsubst %,$(BUILD)/obj/tests/fuzz/%.o,fuzz_% replay_seeds) $(ARCHIVES)
$(STANDINS) $(SEEDBINS):
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS)

$(BUILD)/bench/smtpload: $(patsubst %,$(BUILD)/obj/tests/bench/%.o,smtpload load_session load_channel load_tls load_hello load_records load_secrets load_message)
$(BUILD)/bench/disk: $(BUILD)/obj/tests/bench/disk.o
$(BUILD)/bench/tls_handshake: $(BUILD)/obj/tests/bench/tls_handshake.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)
$(BUILD)/bench/smtpload $(BUILD)/bench/disk:
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -lpthread

units: $(TESTBINS)
unit: units
	@fail=0; for t in $(TESTBINS); do ./$$t || fail=1; done; exit $$fail

standins: $(STANDINS)

seeds: $(SEEDBINS)

load: $(BUILD)/bench/smtpload

hooks: # the programs with the crash tests' hooks in lib/durable_file.c
	@$(MAKE) BUILD=$(BUILD)/hooks VARIANT='$(VARIANT) -DTIDEGATE_TEST_HOOKS' all

check:
	@scripts/packages.sh build tests
	@$(MAKE) all units hooks standins seeds load
	$(PYTHON) tests/run.py --build $(BUILD)

check-all:
	@scripts/packages.sh build tests
	@$(MAKE) all units hooks standins seeds load
	$(PYTHON) tests/run.py --build $(BUILD) --all

# CHECK=--units for a short run; everything else by default.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -DTIDEGATE_SANITIZE
# The sanitizers' own crypt_r() satisfies the linker, and then needs libcrypt all the same.
SANITIZE_LINK := -Wl,--no-as-needed -lcrypt -Wl,--as-needed
sanitize:
	@scripts/packages.sh build tests
	@$(MAKE) BUILD=$(BUILD)/sanitize OPTIMISE='-O1 -g' VARIANT='$(SANITIZE)' LDFLAGS='$(SANITIZE_LINK)' all units hooks standins seeds load
	TIDEGATE_TEST_PATIENCE=3 $(PYTHON) tests/run.py --build $(BUILD)/sanitize $(CHECK)

# Every tests/fuzz/fuzz_NAME.c against hostile bytes for FUZZ_SECONDS, whole sessions for FUZZ_SESSION_SECONDS, or only those
# of FUZZ="NAME ...". Objects, programs and corpora are the fuzzers' own; the seeds in the tree are copied, never written.
FUZZ_SECONDS ?= 30
FUZZ_SESSION_SECONDS ?= 600
FUZZ         ?= $(FUZZERS:tests/fuzz/fuzz_%.c=%)
FUZZ_FLAGS   := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
fuzz:
	@scripts/packages.sh build fuzz
	@$(MAKE) BUILD=$(BUILD)/fuzz CC=clang OPTIMISE='-O1 -g' HARDEN=-fPIE VARIANT='$(FUZZ_FLAGS)' $(FUZZ:%=$(BUILD)/fuzz/%)
	@fail=0; for name in $(FUZZ); do at=$(BUILD)/fuzz/corpus/$$name; log=$(BUILD)/fuzz/$$name.log; \
	    seconds=$(FUZZ_SECONDS); [ $$name != session ] || seconds=$(FUZZ_SESSION_SECONDS); \
	    words=; [ ! -e tests/fuzz/$$name.dict ] || words=-dict=tests/fuzz/$$name.dict; \
	    rm -rf $$at; mkdir -p $$at; cp -r tests/fuzz/seeds/$$name/. $$at/ && \
	    $(BUILD)/fuzz/$$name $$words -max_total_time=$$seconds -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	    -artifact_prefix=$(BUILD)/fuzz/found-$$name- $$at >$$log 2>&1 && \
	    echo "ok - fuzz $$name: $$(sed -n 's/^stat::number_of_executed_units: *//p' $$log) inputs" || \
	    { tail -40 $$log; echo "not ok - fuzz $$name"; fail=1; }; done; exit $$fail
$(FUZZERS:tests/fuzz/fuzz_%.c=$(BUILD)/%): $(BUILD)/%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(SAY) LINK $@
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS)
$(BUILD)/session $(BUILD)/seeds/session: $(patsubst %,$(BUILD)/obj/tests/fuzz/session_%.o,stage steps rules witness)

lint:
	@scripts/packages.sh build lint
	tests/lint/lint.sh

run:
	@scripts/packages.sh build demo
	@$(MAKE) --silent all
	@scripts/demo.sh $(BUILD)/bin

bench:
	@scripts/packages.sh build bench
	@$(MAKE) --silent all load $(BUILD)/bench/disk $(BUILD)/bench/tls_handshake
	tests/bench/bench.py --build $(BUILD)
	$(BUILD)/bench/tls_handshake
	tests/bench/crowd.py --build $(BUILD)

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/libexec/tidegate
	install -m 755 $(BUILD)/bin/tidegate $(DESTDIR)$(PREFIX)/sbin/
	install -m 755 $(filter-out $(BUILD)/bin/tidegate,$(BINS)) $(DESTDIR)$(PREFIX)/libexec/tidegate/
	for page in $(wildcard docs/man/*.[58]); do section=$${page##*.}; \
	    install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$$section/$${page##*/} || exit 1; done

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

help:
	@echo 'make           build everything into $(BUILD)/bin'
	@echo 'make run       a demo server on 127.0.0.1:2525, with lines to paste; installs what it needs'
	@echo 'make check     the tests (check-all: also the long ones); one of them: tests/run.py NAME'
	@echo 'make sanitize  the tests under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make fuzz      each parser for FUZZ_SECONDS (30), sessions for ten minutes; FUZZ=NAME for one;  make bench: measured beside Postfix and the disk'
	@echo 'make lint      formatting, static analysis, rules of the house;  make format: reformats'
	@echo 'make install   into DESTDIR and PREFIX ($(PREFIX));  make clean'

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.PHONY: always all units unit hooks standins seeds load check check-all sanitize fuzz lint run bench install format help clean
.SECONDARY:
