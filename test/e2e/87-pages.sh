#!/bin/bash
# The pages in Debian's Chromium, driven by its own WebDriver (https://www.w3.org/TR/webdriver2/): each page in light
# and dark, on wide and narrow screens. It must say what it is for, ask for nothing else, put nothing on the
# console, have no line that leaves the screen, enough contrast (WCAG 2.2, 1.4.3 and 1.4.11) and a visible focus (2.4.7).
# The screenshots stay in $E2E_WORK/87-pages.
. "$(dirname "$0")/lib.sh"
need curl jq chromium chromedriver base64

# An image with something to show.
{
	cat <<-END
		Suite: bookworm
		Codename: bookworm
		By-Hash: yes

		Package: app
		Version: 1:2.0~rc1+dfsg-1
		Architecture: amd64
		Depends: libapp (>= 2.0~), mailer | mta, c++-runtime, not-carried-here (>= 1) | libapp
		Homepage: https://app.example.org/a/very/long/address/that/goes/on/and/on/without/any/place/to/break/it
		Description: application that does what applications do
		 It has a long description, in two paragraphs, of which this is the first one, wide enough
		 to fill more than one line on every screen.
		 .
		 The second has a list:
		  * one
		  * two
		Filler: 200000

		Package: libapp
		Version: 2.0+dfsg-1
		Architecture: amd64

		Package: mta
		Provides: mailer
		Description: a mail transport agent with <tags> & "quotes"

		Package: game
		Section: games
		Depends: libapp

		Package: c++-runtime
		Version: 12.2

		Package: $(printf 'a-package-with-a-name-%.0s' {1..6})end
		Version: 1.0+with.a.very.long.version.that.has.no.place.to.break.it.either-1

	END
	for i in {100..170}; do printf 'Package: lib-number-%s\nDepends: libapp\n\n' "$i"; done
} >"$mine/archive.txt"
made_up_archive <"$mine/archive.txt"
definition pages <<-END
	debian:
	  sources:
	    - name: test
	      urls: [$archive]
	      suites: [bookworm]
	      components: [main]
	      architectures: [amd64]
	      signed-by: $mine/keys/archive.asc
	  packages: [app, game, lib-number-*, a-package-*]
	sets:
	  app: { debian: [app] }
END
"$MINIMIRROR" build "$definition" --output "oci:$mine/image"
cat >"$mine/rules.yaml" <<-END
	rules:
	  - deny: { kind: debian, section: games, reason: "no games on this site: policy 4.2, see the page about what may be installed where and by whom" }
	  - deny: { package: "lib-number-10?", client: [192.0.2.0/24], reason: "not from there" }
	  - allow: { package: [lib-number-*, libapp, app, mta, "a-package-*"] }
END
start_server --image "oci:$mine/image" --rules "$mine/rules.yaml" --sign-key "$HOME/.config/minimirror/signing-key.asc"
for path in test/pool/main/g/game/game_1.0_amd64.deb test/pool/main/a/app/app_3.0_amd64.deb "test/pool/main/l/$(printf 'long-%.0s' {1..30})_1_all.deb" none; do
	"${inside[@]}" curl --noproxy '*' -s -o /dev/null "$url/$path"
done
denied=$(jq -r '.items[] | select(.name == "game") | "\(.source)/\(.files[0].path)"' "$definition/mirror.lock")
"${inside[@]}" curl --noproxy '*' -s -o /dev/null "$url/$denied"

# The browser. Nothing in it is kept, and it calls nobody on its own.
# Before it has a port, some versions call it 0; and what a driver says when it is ready is the business of
# https://www.w3.org/TR/webdriver2/#status, not of its log.
"${inside[@]}" chromedriver --port=0 >"$mine/driver.log" 2>&1 &
defer end $!
await $! "$mine/driver.log" 'on port ([1-9][0-9]*)'
driver=http://127.0.0.1:$said
driver_ready() { "${inside[@]}" curl --noproxy '*' --silent --fail "$driver/status" | jq -e .value.ready; }
eventually driver_ready || die "the browser's driver is not ready: $(cat "$mine/driver.log")"
# wd METHOD PATH [JSON] asks the driver, and prints the value as JSON.
wd() {
	local answer
	answer=$("${inside[@]}" curl --noproxy '*' --silent --show-error --max-time 120 -X "$1" ${3:+--json "$3"} "$driver/session${session:+/$session}$2") || die "the browser's driver does not answer"
	jq -e '.value | type != "object" or (has("error") | not)' <<<"$answer" >/dev/null || die "the browser: $1 $2 ${3:-}: $answer"
	jq -c .value <<<"$answer"
}
session=
opened=$(wd POST "" "$(jq -cn --arg profile "$mine/profile" '{capabilities: {alwaysMatch: {browserName: "chrome",
	"goog:loggingPrefs": {browser: "ALL"},
	"goog:chromeOptions": {args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + $profile]}}}}')")
session=$(jq -r .sessionId <<<"$opened")
end_session() { (wd DELETE "" >/dev/null); } # in order, so that nothing of the browser stays in TMPDIR
defer end_session
say "$(jq -r '.capabilities | .browserName + " " + .browserVersion' <<<"$opened")"
cdp() { wd POST /goog/cdp/execute "$(jq -cn --arg cmd "$1" --argjson params "$2" '{cmd: $cmd, params: $params}')"; }
js() { wd POST /execute/sync "$(jq -cn --arg script "$1" '{script: $script, args: []}')"; }
show() { wd POST /url "$(jq -cn --arg url "$url$1" '{url: $url}')" >/dev/null; }
# The page has the focus as if its window were the one in front, which no window of a browser without a screen need be.
cdp Emulation.setFocusEmulationEnabled '{"enabled":true}' >/dev/null
# console fails when the browser has complained.
console() {
	local said
	said=$(wd POST /se/log '{"type":"browser"}')
	[ "$said" = '[]' ] || die "$1: the console says $said"
}
# shot FILE
shot() { cdp Page.captureScreenshot '{"captureBeyondViewport":true}' | jq -r .data | base64 -d >"$mine/$1.png"; }

# What is checked in the page: a list of what is wrong.
checks=$(cat <<-'END'
	const wrong = []
	const root = document.documentElement
	if (root.scrollWidth > root.clientWidth) {
		for (const e of document.querySelectorAll('body *'))
			if (e.getBoundingClientRect().right > root.clientWidth + 1) wrong.push('leaves the screen: ' + e.outerHTML.slice(0, 100))
		wrong.push('is ' + root.scrollWidth + ' px wide')
	}
	const parse = c => { const n = c.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n }
	const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1)
	const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
	const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) }
	const behind = e => { const all = []; for (; e; e = e.parentElement) all.push(parse(getComputedStyle(e).backgroundColor)); return all.reverse().reduce((below, c) => over(c, below), [255, 255, 255, 1]) }
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement, style = getComputedStyle(e)
		if (!texts.currentNode.data.trim()) continue
		const back = behind(e), got = ratio(over(parse(style.color), back), back)
		if (got < 4.5) wrong.push('contrast ' + got.toFixed(2) + ': ' + e.outerHTML.slice(0, 100))
		if (parseFloat(style.fontSize) < 12) wrong.push('small: ' + e.outerHTML.slice(0, 100))
	}
	for (const e of document.querySelectorAll('a, button, input, [tabindex="0"]')) {
		e.focus({ focusVisible: true })
		const style = getComputedStyle(e), back = behind(e.parentElement)
		if (document.activeElement !== e || style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2 || ratio(parse(style.outlineColor), back) < 3)
			wrong.push('focus cannot be seen: ' + e.outerHTML.slice(0, 100))
		const box = e.getBoundingClientRect()
		if (box.width < 1 || box.height < 1) wrong.push('nothing to see: ' + e.outerHTML.slice(0, 100))
	}
	document.activeElement.blur()
	for (const e of document.querySelectorAll('input, button')) {
		const style = getComputedStyle(e)
		if (ratio(parse(style.borderTopColor), behind(e.parentElement)) < 3) wrong.push('edge of ' + e.outerHTML.slice(0, 100))
	}
	for (const e of performance.getEntriesByType('resource')) wrong.push('asks for ' + e.name)
	return wrong
END
)

# page NAME PATH TEXT… looks at a page in each form. Each text must be there to read.
page() {
	local name=$1 path=$2 scheme width got text
	shift 2
	show "$path"
	for scheme in light dark; do
		cdp Emulation.setEmulatedMedia "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"$scheme\"}]}" >/dev/null
		for width in 1280 800 360; do
			cdp Emulation.setDeviceMetricsOverride "{\"width\":$width,\"height\":800,\"deviceScaleFactor\":1,\"mobile\":$([ $width = 360 ] && echo true || echo false)}" >/dev/null
			got=$(js "$checks" | jq -r '.[]')
			[ $width = 800 ] || shot "$name-$scheme-$width"
			[ -z "$got" ] || die "$path, $scheme, $width px: $got"
		done
	done
	got=$(js 'return document.body.innerText' | jq -r .)
	for text; do
		[[ $got == *"$text"* ]] || die "$path does not say \"$text\": $got"
	done
	case $path in */absent) wd POST /se/log '{"type":"browser"}' >/dev/null ;; *) console "$path" ;; esac # a 404 is told there
	say "$path is whole, light and dark, on three screens"
}

page home / "Set up a client" "curl -fsS $url/minimirror.sources" "$archive" 'app for amd64:' 'compare the fingerprint' '1 of ' ' denied' 'browse them'
page search '/-/search?q=app' '2 names contain “app”' application 'app'
page all /-/search 'These are 1 to 50' Next
page app /-/artifacts/debian/app '1:2.0~rc1+dfsg-1 (amd64)' 'application that does' 'The second has a list' SHA-256 'app (requested)' 'by rules.yaml:4' 'app for amd64'
page libapp /-/artifacts/debian/libapp 'app (requested) → libapp' 'What may need it' lib-number-170
page alias /-/artifacts/debian/mailer 'Another name for' 'mta'
page long "/-/artifacts/debian/$(printf 'a-package-with-a-name-%.0s' {1..6})end" 'no.place.to.break'
page set /-/sets/app/amd64 'app for amd64' 'in an order in which' requested needed
page rules /-/rules 'rules.yaml:2' 'section games' 'no games' 'The first rule that matches decides'
page activity /-/activity Denied game 'no games' 'Not carried' 'app 3.0 amd64' 'Never fetched'
page size /-/size 'By origin' 'The items of this mirror take' app 'repository metadata' 'By month'
page absent /-/artifacts/debian/absent 'does not carry absent'

# A person at work: the keyboard leads into the content and to the search, a click takes a command.
show /
element() { wd POST /element "$(jq -cn --arg css "$1" '{using: "css selector", value: $css}')" | jq -r '.[]'; }
keys() { wd POST "/element/$(element "$1")/value" "$(jq -cn --arg text "$2" '{text: $text}')" >/dev/null; }
keys body "$(printf '\uE004')" # Tab
[ "$(js 'const b = document.activeElement.getBoundingClientRect(); return document.activeElement.hash + (b.left >= 0)')" = '"#maintrue"' ] || die "Tab does not show the way to the content"
shot focus
wd POST "/element/$(element pre)/click" '{}' >/dev/null
command=$(js 'return getSelection().toString()' | jq -r .)
[ "$(head -n 1 <<<"$command")" = "curl -fsS $url/minimirror.sources -o /etc/apt/sources.list.d/minimirror.sources" ] || die "a click takes: $command"
keys '#q' 'MAILER'"$(printf '\uE007')" # Enter
[ "$(wd GET /url)" = "\"$url/-/search?q=MAILER\"" ] || die "Enter leads to $(wd GET /url)"
wd POST "/element/$(element 'tbody a')/click" '{}' >/dev/null
[ "$(js 'return document.title')" = '"mailer"' ] || die "the link leads to $(wd GET /url)"
console "the way through the pages"
say "keyboard, selection and search work without a script"
