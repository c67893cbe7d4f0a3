# Tidegate: one Makefile. `make help` lists the targets.
.DEFAULT_GOAL := all
BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
CC       ?= gcc
PYTHON   ?= /usr/bin/python3

ROOMS    := control smtpd deliver queue lookup conf lib
MAINS    := $(wildcard control/*main.c smtpd/*main.c deliver/*main.c lookup/*main.c queue/*main.c)
SOURCES  := $(filter-out $(MAINS),$(foreach room,$(ROOMS),$(wildcard $(room)/*.c)))
HEADERS  := $(foreach room,$(ROOMS),$(wildcard $(room)/*.h))
UNITS    := $(wildcard tests/unit/*/test_*.c)
FUZZERS  := $(wildcard tests/fuzz/fuzz_*.c)

PACKAGES := libseccomp libevent_core libconfuse libcares libssl libcrypto libidn2 libunistring
PKGS      = $(shell pkg-config --silence-errors --$(1) libseccomp libevent_core libconfuse libcares libcrypto libidn2)
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla -Werror
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
OPTIMISE ?= -O2 -g
CFLAGS   += -std=c17 $(OPTIMISE) $(WARNINGS) $(HARDEN) $(VARIANT)
CPPFLAGS += -D_GNU_SOURCE -I. -include lib/banned.h -MMD -MP
LIBS      = -lspf2 -lcdb -lcares -lseccomp -levent_core -lconfuse -lcrypto -lidn2 -lunistring -lpthread

ARCHIVES := $(foreach room,$(ROOMS),$(BUILD)/lib/$(room).a)
PROGRAMS := tidegate tidegate-door tidegate-caller tidegate-smtpd tidegate-dns tidegate-deliver
BINS     := $(PROGRAMS:%=$(BUILD)/bin/%)
TESTBINS := $(UNITS:tests/unit/%.c=$(BUILD)/unit/%)

MAIN_tidegate         := control/main
MAIN_tidegate-door    := control/door_main
MAIN_tidegate-caller  := control/caller_main
MAIN_tidegate-smtpd   := smtpd/main
MAIN_tidegate-dns     := lookup/dns_main
MAIN_tidegate-deliver := deliver/main

all: $(BINS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

define ARCHIVE
$(BUILD)/lib/$(1).a: $(patsubst %.c,$(BUILD)/obj/%.o,$(filter $(1)/%,$(SOURCES)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcs $$@ $$^
endef
$(foreach room,$(ROOMS),$(eval $(call ARCHIVE,$(room))))

.SECONDEXPANSION:
$(BINS): $(BUILD)/bin/%: $(BUILD)/obj/$$(MAIN_$$*).o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $< $(ARCHIVES) $(LIBS)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $< $(ARCHIVES) -lcmocka $(LIBS)

units: $(TESTBINS)
unit: units
	@fail=0; for t in $(TESTBINS); do ./$$t || fail=1; done; exit $$fail

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.PHONY: all units unit format clean
.SECONDARY:

BENCHBINS := $(BUILD)/bench/smtpload $(BUILD)/bench/disk
$(BUILD)/bench/smtpload: $(BUILD)/obj/tests/bench/smtpload.o $(BUILD)/obj/tests/bench/load_session.o
$(BUILD)/bench/disk: $(BUILD)/obj/tests/bench/disk.o
$(BENCHBINS):
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDHARDEN) -o $@ $^ -lpthread
bench: all $(BENCHBINS)
	@sh scripts/packages.sh bench
	$(PYTHON) tests/bench/bench.py
