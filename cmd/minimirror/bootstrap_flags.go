package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/minimirror/minimirror/bootstrap"
	"github.com/minimirror/minimirror/internal/image/registry"
)

type bootstrapFlags struct {
	set, root, to                   string
	architecture, system            string
	requests                        []string
	list, install, dryRun, noStart  bool
	answers, log, configure, output string
	load, name                      string
	only, undo, shell               bool
	verifyKeys                      *[]string
	registry                        *registry.Options
	wait                            time.Duration
}

func (f *bootstrapFlags) define(c *command) {
	flags := c.flags
	f.verifyKeys = c.verifyKeyFlag()
	f.registry = registryFlags(c)
	flags.BoolVar(&f.list, "list", false, "show the sets of the image")
	once(flags, &f.set, "set", "what to install: a set of the image")
	flags.StringArrayVar(&f.requests, "package", nil, "what to install: a package with all it needs; may be repeated")
	flags.BoolVar(&f.install, "install", false, "install it")
	flags.StringVar(&f.root, "root", "/", "root directory of the system to install on")
	once(flags, &f.to, "to", "extract into this folder instead")
	flags.StringVar(&f.architecture, "architecture", "", "with --to and --print-shell: for nodes of this architecture (default: this machine's)")
	once(flags, &f.system, "system", "for an image for several systems: the node's, by the name of its section (default: from /etc/os-release)")
	flags.BoolVar(&f.shell, "print-shell", false, "with --set: print a shell script that installs the set from an OCI archive without this program")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be installed, and change nothing")
	flags.StringVar(&f.answers, "debconf-selections", "", "file with answers to the packages' questions, as debconf-set-selections reads them")
	flags.BoolVar(&f.noStart, "no-start", false, "do not start services")
	flags.StringVar(&f.log, "log", "", "file for what the installation prints (default /var/log/minimirror-bootstrap.log below the root)")
	flags.DurationVar(&f.wait, "wait", 2*time.Minute, "how long to wait for another package manager to finish")
	once(flags, &f.load, "load", "docker, podman or containerd: load the image there")
	once(flags, &f.name, "name", "with --load: name of the image there, [HOST/]NAME[:TAG]")
	flags.StringVar(&f.configure, "configure-apt", "", "address of the mirror that apt shall use from now on")
	flags.BoolVar(&f.only, "disable-other-sources", false, "with --configure-apt: disable the other apt sources")
	flags.BoolVar(&f.undo, "undo-apt", false, "undo --configure-apt")
	formerly(flags, "ca", "registry-ca")
	formerly(flags, "hosts-dir", "registry-hosts")
	flags.StringVar(&f.output, "format", "text", "what --list and --dry-run print: text or json")
}

func (f *bootstrapFlags) check(c *command) error {
	what := f.set != "" || len(f.requests) > 0
	action := f.install || f.to != "" || f.dryRun
	switch {
	case f.undo:
		return nil
	case c.imageRef == "":
		return c.missing("the image")
	case f.list:
	case f.shell && (f.set == "" || len(f.requests) > 0):
		return c.wrongUsage("--print-shell requires --set")
	case f.shell:
	case !what && !action && f.load == "" && f.configure == "":
		return c.wrongUsage("nothing to do: name a set with --set (--list shows them), or a package, and an action such as --install")
	case what && !action:
		return c.wrongUsage("say what to do with it: --install, --to DIR or --dry-run")
	case !what && action:
		return c.wrongUsage("--set or --package is missing; --list shows the sets")
	case f.install && f.to != "":
		return c.wrongUsage("--install and --to cannot be used together")
	case f.only && f.configure == "":
		return c.wrongUsage("--disable-other-sources requires --configure-apt URL")
	case f.load != "" && !bootstrap.CanLoad(f.load):
		return c.wrongUsage("--load %s: want docker, podman or containerd", f.load)
	case f.name != "" && f.load == "":
		return c.wrongUsage("--name requires --load PROGRAM")
	case f.configure != "" && !strings.HasPrefix(f.configure, "http://") && !strings.HasPrefix(f.configure, "https://"):
		return c.wrongUsage("--configure-apt %s: an address begins with http:// or https://", f.configure)
	}
	if f.name != "" {
		if _, err := bootstrap.ImageName(f.name); err != nil {
			return fmt.Errorf("--name: %w", err)
		}
	}
	return format(f.output)
}
