# Registrar. `make run` and `make test` install what they need and do all the rest; `make help` lists the other targets.
#
# Each folder is an archive that is linked only with what it may call (docs/architecture.md), so that a unit test links just its own layer
# and those below. MODE: release (default), asan (AddressSanitizer and UndefinedBehaviorSanitizer), tsan (ThreadSanitizer).

MODE   ?= release
BUILD  ?= build/$(MODE)
CC     ?= gcc
PYTHON ?= /usr/bin/python3
VAR    ?= var
export VAR

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
CFLAGS_release := -O2 -D_FORTIFY_SOURCE=2
CFLAGS_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -fsanitize=thread
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
CPPFLAGS += -I. -D_GNU_SOURCE
CFLAGS   += -std=c17 -g -pthread -fPIE -fstack-protector-strong $(WARNINGS) $(CFLAGS_$(MODE))
LDFLAGS  += -pie -Wl,-z,relro,-z,now -pthread $(LDFLAGS_$(MODE))
CPPFLAGS += $(shell pkg-config --cflags-only-I libpq 2>/dev/null)

LIBS_base    := -lcrypto -lm
LIBS_cache   := -lhiredis -lgd
LIBS_sql     := -lpq
LIBS_xmpp    := -lstrophe -lexpat -lssl
LIBS_service := -largon2
LIBS_http    := -lmicrohttpd -ljansson -lssl

# layer: its folders, and the layers it may link with, lowest last
LAYERS := base cache sql xmpp service jobs http config
DIRS_base    := component/base
DIRS_cache   := component/cache
DIRS_sql     := sql
DIRS_xmpp    := xmpp xmpp/servers
DIRS_service := component/service
DIRS_jobs    := component/jobs
DIRS_http    := http http/dialects
SOURCES_config := component/config.c $(wildcard component/config_*.c)
USES_base    :=
USES_cache   := base
USES_sql     := base
USES_xmpp    := base
USES_service := cache sql xmpp base
USES_jobs    := service cache sql xmpp base
USES_http    := service cache sql xmpp base
USES_config  := base
LIBS_jobs    :=
LIBS_config  := -linih

sources = $(if $(SOURCES_$(1)),$(SOURCES_$(1)),$(foreach d,$(DIRS_$(1)),$(wildcard $(d)/*.c)))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
archive = $(BUILD)/lib$(1).a
with    = $(1) $(USES_$(1))
libs    = $(foreach l,$(1),$(LIBS_$(l)))

.PHONY: all help run test unit e2e bench lint format tidy clean
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

ALL_ARCHIVES = $(foreach l,http jobs service cache sql xmpp config base,$(call archive,$(l)))
$(BUILD)/registrard: $(BUILD)/component/main.o $(ALL_ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(call libs,$(LAYERS))

$(BUILD)/component/main.o: CPPFLAGS += -DREGISTRARD_VERSION='"$(VERSION)"'
# .incbin is not seen by -MMD
$(call objects,cache): $(wildcard component/cache/scripts/*.lua)
$(call objects,sql): $(wildcard sql/migrations/*.sql)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*/test_*.c))
.SECONDARY:
unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do $$t; done

clean:
	rm -rf build
