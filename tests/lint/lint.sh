#!/bin/sh
# Reads the whole source tree with every tool there is for it; one line each, as TAP, and "N passed, N failed" at the end.
set -u
cd "$(dirname "$0")/../.." || exit 2
passed=0
failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

try() { # try NAME COMMAND...
	name=$1
	shift
	if "$@" >"$output" 2>&1; then
		passed=$((passed + 1))
		echo "ok - $name"
	else
		failed=$((failed + 1))
		echo "not ok - $name"
		sed 's/^/# /' "$output" | head -100
	fi
}

sources=$(git ls-files --cached --others --exclude-standard '*.c' '*.h' | sort -u)
product=$(echo "$sources" | grep -v '^tests/')
product_c=$(echo "$product" | grep '\.c$')
product_h=$(echo "$product" | grep '\.h$')
scripts=$(git ls-files --cached --others --exclude-standard '*.sh' .ci/run | sort -u)
manuals=$(git ls-files --cached --others --exclude-standard 'docs/man/*.[1-9]' | sort -u)
flags="-std=c17 -D_GNU_SOURCE -I. -include lib/banned.h"
# cppcheck reads no system headers; these two are made of macros that it must know.
macros=$(printf '#include <sys/queue.h>\n#include <uthash.h>\n' | ${CC:-gcc} -M -E - | tr ' ' '\n' | grep -E '(sys/queue|uthash)\.h' |
	sed 's/^/--include=/')

tidy() { # clang-tidy writes its statistics whatever they are; only its findings and its exit code count.
	# shellcheck disable=SC2086 # lists of words
	printf '%s\n' $product_c | xargs -P 2 -n 4 sh -c 'clang-tidy --quiet "$@" -- '"$flags"' 2>/dev/null' sh
}

headers_stand_alone() {
	result=0
	for header in $product_h; do
		# shellcheck disable=SC2086 # a list of words
		${CC:-gcc} $flags -Wall -Wextra -Werror -fsyntax-only -include "$header" -x c /dev/null || result=1
	done
	return $result
}

python_compiles() {
	git ls-files --cached --others --exclude-standard 'tests/*.py' | sort -u |
		xargs "${PYTHON:-/usr/bin/python3}" -c 'import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path, encoding="utf-8").read(), path)'
}

# shellcheck disable=SC2086 # lists of words, all through
{
	try 'clang-format' clang-format --dry-run -Werror $sources
	try 'rules of the house (includes, lengths, headers, durability)' tests/lint/house.py
	try 'headers stand alone' headers_stand_alone
	# What is not initialised the compilers say better: cppcheck 2.10 loses track in arrays that a loop fills.
	try 'cppcheck' cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --suppress=uninitvar -I. \
		--include=lib/banned.h $macros -D_GNU_SOURCE --error-exitcode=1 $product_c
	try 'clang-tidy' tidy
	[ -z "$scripts" ] || try 'shellcheck' shellcheck $scripts
	[ -z "$manuals" ] || try 'mandoc -Tlint' mandoc -Tlint -W warning,stop $manuals
	try 'python' python_compiles
}
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
