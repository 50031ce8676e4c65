# What the tests build once per machine. A script that reads this defines build FILE, and calls:
#
#	once NAME    prints the path of ${XDG_CACHE_HOME:-$HOME/.cache}/minimirror-test/NAME, which it builds when it is missing
#
# Two who call at once build once: the second waits.
once() {
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/minimirror-test
	if [ ! -e "$cache/$1" ]; then
		mkdir -p "$cache"
		exec 9>"$cache/$1.lock"
		flock 9
		if [ ! -e "$cache/$1" ]; then
			echo "building $cache/$1, once per machine" >&2
			rm -rf "$cache/$1.new"
			build "$cache/$1.new" >&2
			mv "$cache/$1.new" "$cache/$1"
		fi
		exec 9>&-
	fi
	echo "$cache/$1"
}
