// Command minimirror makes, serves and installs from container images
// that carry what a site without internet needs. Each verb has a file of its
// own here: help text, flags, call. The work is done in the folders beside.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/agext/levenshtein"
	"github.com/spf13/pflag"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bundle/medium/s3"
	"github.com/minimirror/minimirror/internal/vulns"
)

const usage = `miniMirror carries what a site without internet needs in one container image,
and serves it there.

usage: minimirror VERB [FLAGS] [ARGUMENTS]

  init         write a first definition, from this machine's sources
  define       add requests to a definition, or remove them
  images       list the container images that charts and manifests name
  lock         pin what a definition requests: mirror.yaml → mirror.lock
  why          show why a lock has a package
  plan         show what build would fetch and write, and whether there is room
  build        build the image of a lock
  inspect      show what an image or a lock contains
  diff         show what changes from one image or lock to another
  verify       check an image against its digests and upstream's signatures
  sbom         list what an image carries, as SPDX or CycloneDX
  vulns        show which items have known vulnerabilities
  rules        show the effect of rules on an image
  serve        serve an image over HTTP
  export       write images into a signed bundle that crosses a gap
  import       verify a bundle and store its images
  report       show from a server's audit trail who fetched what, and what was missing
  receipt      write, at a site, what it has and misses, for the connected side
  bootstrap    install from an image on a bare machine
  kit          write what a site needs to run a mirror and to use it
  healthcheck  check the health of a running server
  schema       print the JSON Schema of a definition or of rules
  completion   print the shell completion of verbs and flags
  man          print the manual pages
  version      print the version of this program

minimirror VERB --help explains each.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the lock is out of date,
4 verification failed, 5 vulns --fail-on found something, 130 interrupted.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		time.Sleep(signalGrace)
		stop()
	})
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// signalGrace is how long a second signal is taken for the first: some senders,
// timeout(1) among them, send one to the program and one to its group. After it,
// a signal ends the program at once.
const signalGrace = 2 * time.Second

// A verb is one of the program's commands.
type verb func(ctx context.Context, c *command, args []string) error

// allVerbs is a function, for one of them tells of all.
func allVerbs() map[string]verb {
	return map[string]verb{
		"bootstrap":   bootstrapVerb,
		"kit":         kitVerb,
		"lock":        lock,
		"man":         manVerb,
		"build":       build,
		"completion":  completion,
		"define":      defineVerb,
		"diff":        diffVerb,
		"export":      exportVerb,
		"healthcheck": healthcheck,
		"images":      imagesVerb,
		"import":      importVerb,
		"init":        initVerb,
		"inspect":     inspectVerb,
		"plan":        planVerb,
		"receipt":     receiptVerb,
		"report":      report,
		"rules":       rulesVerb,
		"sbom":        sbomVerb,
		"schema":      schemaVerb,
		"serve":       serve,
		"verify":      verify,
		"version":     version,
		"vulns":       vulnsVerb,
		"why":         why,
	}
}

// A command is one run of a verb.
type command struct {
	flags  *pflag.FlagSet
	stdout io.Writer
	stderr io.Writer
	binary io.Writer // standard output, for what is not text; see bytes
	debug  bool
	now    func() time.Time // the clock
	usage  string           // the verb's first lines of help

	finishing sync.RWMutex // held for reading while the verb must not be cut short; see finish

	imageRef string // what --image or an argument names; see parseImage
	platform string // of several images, the one to take

	s3 s3.Options // see s3Flags
}

func newCommand(verb string, stdout, stderr io.Writer) *command {
	c := &command{flags: pflag.NewFlagSet(verb, pflag.ContinueOnError), stdout: stdout, stderr: stderr, now: time.Now}
	c.flags.SetOutput(stderr)
	c.flags.SortFlags = false
	c.flags.BoolVar(&c.debug, "debug", false, "log details to standard error")
	return c
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// Both get text from others: names, versions, errors from servers.
	binary := stdout
	stdout, stderr = artifact.PrintableWriter(stdout), artifact.PrintableWriter(stderr)
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	switch args[0] {
	case "help", "--help", "-h":
		if len(args) == 1 {
			fmt.Fprint(stdout, usage)
			return 0
		}
		args = []string{args[1], "--help"}
	case "--version":
		args = []string{"version"}
	}
	v, ok := allVerbs()[args[0]]
	if !ok {
		fmt.Fprintf(stderr, "minimirror: unknown command %q%s\nhint: run: minimirror --help\n", args[0], suggest(args[0], verbNames()))
		return 2
	}
	c := newCommand(args[0], stdout, stderr)
	c.binary = binary
	err := c.interruptible(ctx, func() error { return v(ctx, c, args[1:]) })
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	if ctx.Err() != nil && err != nil {
		fmt.Fprintf(stderr, "minimirror %s: interrupted: the same command goes on from here\n", args[0])
		return 130
	}
	if err != nil {
		fmt.Fprintf(stderr, "minimirror %s: %s\n", args[0], message(err))
	}
	return exitCode(err)
}

// bytes is standard output for the bytes of a file. A terminal gets them as text is written.
func (c *command) bytes() io.Writer {
	if file, is := c.binary.(*os.File); is {
		if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice != 0 {
			return c.stdout
		}
	}
	return c.binary
}

// parse reads flags and checks the number of arguments. text is the verb's help.
func (c *command) parse(args []string, text string, arguments int) error {
	if err := c.parseMore(args, text, arguments); err != nil {
		return err
	}
	return c.atMost(arguments)
}

// parseMore is parse for a verb that takes least arguments or more.
func (c *command) parseMore(args []string, text string, least int) error {
	first, _, _ := strings.Cut(text, "\n\n")
	c.usage = strings.Join(strings.Fields(first), " ")
	c.flags.Usage = func() {
		fmt.Fprintf(c.stdout, "%s\nFlags:\n%s", text, c.flags.FlagUsages())
	}
	if err := c.flags.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		if unknown := new(pflag.NotExistError); errors.As(err, &unknown) {
			return c.wrongUsage("%w%s", err, suggest("--"+unknown.GetSpecifiedName(), flagNames(c.flags)))
		}
		return c.wrongUsage("%w", err)
	}
	if c.flags.NArg() < least {
		return c.missing("an argument")
	}
	return nil
}

// missing says what a command line lacks, and how to write one.
func (c *command) missing(what string) error { return c.wrongUsage("%s is missing: %s", what, c.usage) }

func (c *command) atMost(arguments int) error {
	if c.flags.NArg() > arguments {
		return c.wrongUsage("unexpected argument %q: %s", c.flags.Arg(arguments), c.usage)
	}
	return nil
}

func (c *command) wrongUsage(format string, args ...any) error {
	return artifact.Hint(artifact.Usagef(format, args...), "run: minimirror %s --help", c.flags.Name())
}

func (c *command) log() *slog.Logger {
	level := slog.LevelInfo
	if c.debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: level}))
}

// format checks the value of --format.
func format(value string) error {
	if value != "text" && value != "json" {
		return artifact.Usagef("--format %s: want text or json", value)
	}
	return nil
}

// message is the error's text with its hints at the end, each once.
func message(err error) string {
	var lines, hints []string
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, "hint: ") {
			lines = append(lines, line)
		} else if !strings.Contains(strings.Join(hints, "\n"), line) {
			hints = append(hints, line)
		}
	}
	return strings.Join(append(lines, hints...), "\n")
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, artifact.ErrUsage):
		return 2
	case errors.Is(err, artifact.ErrStale):
		return 3
	case errors.Is(err, artifact.ErrVerify):
		return 4
	case errors.Is(err, vulns.ErrFound):
		return 5
	}
	return 1
}

// suggest names the word that was probably meant, or is empty.
func suggest(word string, words []string) string {
	best, distance := "", 3 // two changes, or letters that changed places
	for _, w := range words {
		if d := levenshtein.Distance(word, w, nil); d < distance && d <= len(w)/2 {
			best, distance = w, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// interruptGrace is how long a verb may take to end after a signal. The program then exits, because the verb may be waiting for a
// name server, a file system or a user that never answers. The same command later continues from there.
const interruptGrace = 1500 * time.Millisecond

// interruptible runs a verb until it ends, or until interruptGrace after the end of ctx if no finish is pending.
func (c *command) interruptible(ctx context.Context, verb func() error) error {
	left := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		time.Sleep(interruptGrace)
		c.finishing.Lock()
		close(left)
	})
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- verb() }()
	select {
	case err := <-ended:
		return err
	case <-left:
		return context.Cause(ctx)
	}
}

// finish marks work that ends by itself after a signal and must not be cut short, such as the last downloads or a running installation.
// Call the returned function when the work is done.
func (c *command) finish() (done func()) {
	c.finishing.RLock()
	return c.finishing.RUnlock
}
