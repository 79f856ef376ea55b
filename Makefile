# Registrar. `make run` and `make test` install what they need and do all the rest; `make help` lists the other targets.
#
# Each folder is an archive that is linked only with what it may call (docs/architecture.md), so that a unit test links just its own layer
# and those below. MODE: release (default), asan (AddressSanitizer and UndefinedBehaviorSanitizer), tsan (ThreadSanitizer).

MODE   ?= release
BUILD  ?= build/$(MODE)
ifeq ($(origin CC),default)
CC     := gcc
endif
PYTHON ?= /usr/bin/python3
VAR    ?= var
PREFIX ?= /usr/local
export VAR

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
CFLAGS_release := -O2 -D_FORTIFY_SOURCE=2
CFLAGS_asan    := -O1 -DREGISTRAR_FAILPOINTS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -fsanitize=thread
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
CPPFLAGS += -I. -D_GNU_SOURCE
CFLAGS   += -std=c17 -g -pthread -fPIE -fstack-protector-strong $(WARNINGS) $(CFLAGS_$(MODE))
LDFLAGS  += -pie -Wl,-z,relro,-z,now -pthread $(LDFLAGS_$(MODE))
CPPFLAGS += $(shell pkg-config --cflags-only-I libpq 2>/dev/null)

LIBS_base    := -lcrypto -lm
# libgd's archive, because of it PNG alone is used: the shared library brings some fifty others along, for every format
# there is, which are 7 MiB of memory and code that a stranger's request should not come near.
LIBS_cache   := -lhiredis -l:libgd.a -lpng -lz
LIBS_sql     := -lpq
LIBS_xmpp    := -lstrophe -lexpat -lssl -lcurl -ljansson
LIBS_sms     := -lcurl -ljansson
LIBS_service := -largon2 -lqrencode -lpng -lz
LIBS_http    := -lmicrohttpd -lgnutls -ljansson -lssl

# layer: its folders, and the layers it may link with, lowest last
LAYERS := base cache sql xmpp sms service jobs commands http ctl config
DIRS_base    := component/base
DIRS_cache   := component/cache
DIRS_sql     := sql
DIRS_xmpp    := xmpp xmpp/servers
DIRS_sms     := component/sms
DIRS_service := component/service
DIRS_jobs    := component/jobs
DIRS_ctl     := component/ctl
DIRS_commands := component/commands
DIRS_http    := http http/dialects
SOURCES_config := component/config.c $(wildcard component/config_*.c)
USES_base    :=
USES_cache   := base
USES_sql     := base
USES_xmpp    := base
USES_sms     := base
USES_service := cache sql xmpp sms base
USES_jobs    := service cache sql xmpp sms base
USES_ctl     := jobs service cache sql xmpp sms base
USES_commands := service cache sql xmpp sms base
USES_http    := service cache sql xmpp sms base
USES_config  := base
LIBS_jobs    :=
LIBS_ctl     :=
LIBS_commands :=
LIBS_config  := -linih

sources = $(if $(SOURCES_$(1)),$(SOURCES_$(1)),$(foreach d,$(DIRS_$(1)),$(wildcard $(d)/*.c)))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
archive = $(BUILD)/lib$(1).a
with    = $(1) $(USES_$(1))
libs    = $(foreach l,$(1),$(LIBS_$(l)))

.PHONY: all help run test tests unit fuzz live e2e chaos transcripts smoke latency bench lint format tidy docs install clean
all: $(BUILD)/registrard

define layer_rules
$(call archive,$(1)): $(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$(AR) rcs $$@ $$^
$(BUILD)/tests/unit/$(1)/%: $(BUILD)/tests/unit/$(1)/%.o $(foreach l,$(call with,$(1)),$(call archive,$(l)))
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $(call libs,$(call with,$(1))) -lcmocka
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))

ALL_ARCHIVES = $(foreach l,http commands jobs service cache sql xmpp sms config base,$(call archive,$(l)))
MAIN_OBJECTS = $(patsubst %,$(BUILD)/component/%.o,main daemon wiring wiring_reconcile startup readiness)
$(BUILD)/registrard: $(MAIN_OBJECTS) $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(call libs,$(LAYERS))

all e2e: $(BUILD)/registrarctl
CTL_LAYERS = ctl jobs service cache sql xmpp sms config base
$(BUILD)/registrarctl: $(BUILD)/component/registrarctl.o $(BUILD)/component/wiring_reconcile.o $(foreach l,$(CTL_LAYERS),$(call archive,$(l)))
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(call libs,$(CTL_LAYERS))

$(BUILD)/component/main.o $(BUILD)/component/registrarctl.o: CPPFLAGS += -DREGISTRARD_VERSION='"$(VERSION)"'
# .incbin is not seen by -MMD
$(call objects,cache): $(wildcard component/cache/scripts/*.lua)
$(call objects,sql): $(wildcard sql/migrations/*.sql)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# Tests on real parts link everything; a fuzz target gets a main that runs it on the files named.
$(BUILD)/tests/live/%: $(BUILD)/tests/live/%.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(call libs,$(LAYERS)) -lcmocka
# Transcripts (tests/transcripts/transcript.h) are replayed against the XMPP side alone, and recorded by it.
TRANSCRIPTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/record.c tests/transcripts/test_%,$(wildcard tests/transcripts/*.c)))
$(BUILD)/tests/transcripts/%: $(BUILD)/tests/transcripts/%.o $(TRANSCRIPTS) $(foreach l,$(call with,xmpp),$(call archive,$(l)))
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(call libs,$(call with,xmpp)) -lcmocka
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(call libs,$(LAYERS))

# The benchmark's programs link base alone: a baseline owes nothing to what it is compared with.
BENCH_PROGRAMS := $(patsubst %,$(BUILD)/tests/bench/%,load baseline_hello baseline_argon2 baseline_component)
$(BUILD)/tests/bench/load: $(BUILD)/tests/bench/client.o
$(BUILD)/tests/bench/baseline_component: $(BUILD)/tests/bench/component_link.o
$(BENCH_PROGRAMS): %: %.o $(call archive,base)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lmicrohttpd -largon2 -lexpat -lssl $(LIBS_base)

# Backwards, because those of xmpp and http wait the longest.
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(shell ls -r tests/unit/*/test_*.c tests/transcripts/test_replay*.c))
LIVE_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/live/test_*.c tests/transcripts/test_drift.c))
FUZZ_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
.SECONDARY:

C_FILES := $(shell find component sql xmpp http tests -name '*.[ch]' | sort)
JOBS    ?= $(shell nproc)
PYTEST  := $(PYTHON) -B -m pytest
# Tests wait more than they compute: so many at once. Of the end-to-end tests, those marked `alone` measure time or load;
# the others share the machine.
UNIT_JOBS ?= 6
E2E_JOBS  ?= 4

help: ## what there is to make
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 14
	@echo 'MODE=release|asan|tsan  CC=gcc|clang  VAR=directory of the servers (var)'

run: ## install, build, start everything; Ctrl-C ends it
	@bash examples/dev/install.sh run
	@bash examples/dev/stack.sh status "$$VAR" >/dev/null # refuses a VAR that is of no use, before building
	@echo 'building $(BUILD)/registrard'
	+@$(MAKE) -s --no-print-directory -j$(JOBS) all
	@exec env --default-signal=INT bash examples/dev/run.sh $(BUILD)/registrard

test: ## install, build and run every test
	@bash examples/dev/install.sh test
	@echo 'building for $(MODE)'
	+@$(MAKE) -s --no-print-directory -j$(JOBS) all tests
	+@$(MAKE) -s --no-print-directory lint unit fuzz live e2e

tests: $(UNIT_TESTS) $(LIVE_TESTS) $(FUZZ_TESTS) ## build the tests

unit: $(UNIT_TESTS) ## tests that need no server
	@bash tests/several.sh $(UNIT_JOBS) $(UNIT_TESTS)

fuzz: $(FUZZ_TESTS) ## each fuzz target over its corpus
	@set -e; for t in $(FUZZ_TESTS); do $$t tests/fuzz/corpus/$${t##*/fuzz_}/*; done

live: $(LIVE_TESTS) ## tests of the layers on a real Postgres and Redis
	@bash tests/live/run.sh $(LIVE_TESTS)

e2e: $(BUILD)/registrard ## the whole, with real servers and stock clients; K=expression chooses
ifdef K
	@REGISTRARD_BIN=$(abspath $<) $(PYTEST) tests/e2e -k '$(K)'
else
	@REGISTRARD_BIN=$(abspath $<) $(PYTEST) tests/e2e -m alone
	@REGISTRARD_BIN=$(abspath $<) $(PYTEST) tests/e2e -m 'not alone' -n $(E2E_JOBS) --dist loadfile
endif

chaos: $(BUILD)/registrard ## everything killed, stopped and cut off at random; MINUTES=10 SEED=n TEST_XMPP_SERVER=prosody|ejabberd
	@REGISTRARD_BIN=$(abspath $<) $(PYTHON) -B tests/chaos/chaos.py --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

transcripts: $(BUILD)/tests/transcripts/record ## record anew what a real Openfire says; docs/openfire.md tells how to name one
	@$< tests/transcripts/openfire/*.txt

latency: ## how soon two clients see a binding, on Prosody and ejabberd or on a server you name; into docs/benchmarks.md
	@bash examples/dev/install.sh test
	+@$(MAKE) --no-print-directory -j$(JOBS) all
	@REGISTRARD_BIN=$(abspath $(BUILD)/registrard) $(PYTHON) -B tests/bench/latency.py

bench: ## speed and memory beside the machine's own, in six minutes; writes docs/benchmarks.md
	@bash examples/dev/install.sh test
	+@$(MAKE) --no-print-directory -j$(JOBS) all $(BENCH_PROGRAMS)
	@REGISTRARD_BIN=$(abspath $(BUILD)/registrard) $(PYTHON) -B tests/bench/bench.py $(BUILD)/tests/bench

smoke: $(BUILD)/registrard ## the main path only
	@REGISTRARD_BIN=$(abspath $<) $(PYTEST) tests/e2e/test_smoke.py

lint: ## layers, sizes, generated documents, format
	@$(PYTEST) tests/lint
	@clang-format --dry-run -Werror $(C_FILES)

format: ## put every file into the project's format
	@clang-format -i $(C_FILES)

tidy: ## clang-tidy over every C file
	@printf '%s\n' $(filter %.c,$(C_FILES)) | xargs -P $(JOBS) -n 4 sh -c \
		'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- $(CPPFLAGS) -std=c17 -DREGISTRARD_VERSION=\"\" 2>/dev/null' sh

DOC := $(DESTDIR)$(PREFIX)/share/doc/registrard
UNIT := $(DESTDIR)/etc/systemd/system/registrard.service
install: $(BUILD)/registrard $(BUILD)/registrarctl ## programs, manual pages, documents and unit under PREFIX (/usr/local), with DESTDIR in front
	install -D -m 755 $(BUILD)/registrard $(DESTDIR)$(PREFIX)/sbin/registrard
	install -D -m 755 $(BUILD)/registrarctl $(DESTDIR)$(PREFIX)/sbin/registrarctl
	install -D -m 644 docs/registrard.8 $(DESTDIR)$(PREFIX)/share/man/man8/registrard.8
	install -D -m 644 docs/registrarctl.8 $(DESTDIR)$(PREFIX)/share/man/man8/registrarctl.8
	install -d $(DOC)/docs $(DOC)/examples $(dir $(UNIT))
	install -m 644 README.md LICENSE $(DOC)
	install -m 644 docs/*.md $(DOC)/docs
	install -m 644 examples/*.conf $(DOC)/examples
	sed 's|/usr/local/sbin/|$(PREFIX)/sbin/|' examples/registrard.service >$(UNIT)
	chmod 644 $(UNIT)

docs: $(BUILD)/registrard ## the documents that come from the table of settings
	@$< --config-reference >docs/configuration.md
	@$< --example-config >examples/registrard.conf

clean: ## remove what was built
	rm -rf build
