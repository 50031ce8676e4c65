package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/minimirror/minimirror/internal/artifact"
)

const completionHelp = `usage: minimirror completion bash|zsh|fish

Prints what makes a shell complete verbs, flags and file names.

Examples:
  minimirror completion bash >/etc/bash_completion.d/minimirror
  minimirror completion zsh >/usr/local/share/zsh/site-functions/_minimirror
  minimirror completion fish >/etc/fish/completions/minimirror.fish
`

func completion(_ context.Context, c *command, args []string) error {
	if err := c.parse(args, completionHelp, 1); err != nil {
		return err
	}
	var text string
	switch shell := c.flags.Arg(0); shell {
	case "bash":
		text = bashCompletion()
	case "zsh":
		text = zshCompletion()
	case "fish":
		text = fishCompletion()
	default:
		return artifact.Hint(artifact.Usagef("no completion for the shell %q", shell), "choose bash, zsh or fish")
	}
	_, err := io.WriteString(c.stdout, text)
	return err
}

// describe runs a verb for its help alone, and returns that and its flags.
func describe(name string) (help string, flags *pflag.FlagSet) {
	var text strings.Builder
	c := newCommand(name, &text, io.Discard)
	_ = allVerbs()[name](context.Background(), c, []string{"--help"}) // pflag.ErrHelp
	return text.String(), c.flags
}

func verbNames() []string { return slices.Sorted(maps.Keys(allVerbs())) }

func flagNames(flags *pflag.FlagSet) (names []string) {
	visitShown(flags, func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return append(names, "--help")
}

// visitShown calls visit for the flags that --help shows; former names of flags are not among them.
func visitShown(flags *pflag.FlagSet, visit func(f *pflag.Flag)) {
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			visit(f)
		}
	})
}

func bashCompletion() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for minimirror
_minimirror() {
	local word=${COMP_WORDS[COMP_CWORD]} flags
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "%s" -- "$word")
		return
	fi
	case ${COMP_WORDS[1]} in
`, strings.Join(verbNames(), " "))
	for _, name := range verbNames() {
		_, flags := describe(name)
		fmt.Fprintf(&b, "\t%s) flags=\"%s\" ;;\n", name, strings.Join(flagNames(flags), " "))
	}
	b.WriteString(`	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -o filenames -F _minimirror minimirror
`)
	return b.String()
}

func zshCompletion() string {
	var b strings.Builder
	b.WriteString("#compdef minimirror\n_minimirror() {\n\tif (( CURRENT == 2 )); then\n\t\tcompadd -- " + strings.Join(verbNames(), " ") + "\n\t\treturn\n\tfi\n\tcase $words[2] in\n")
	for _, name := range verbNames() {
		_, flags := describe(name)
		fmt.Fprintf(&b, "\t%s) local flags=(%s) ;;\n", name, strings.Join(flagNames(flags), " "))
	}
	b.WriteString("\tesac\n\tif [[ $PREFIX == -* ]]; then\n\t\tcompadd -- $flags\n\telse\n\t\t_files\n\tfi\n}\n_minimirror \"$@\"\n")
	return b.String()
}

func fishCompletion() string {
	var b strings.Builder
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	b.WriteString("# fish completion for minimirror\n")
	for _, name := range verbNames() {
		fmt.Fprintf(&b, "complete -c minimirror -n __fish_use_subcommand -f -a %s -d %s\n", name, quote(summaryOf(name)))
		_, flags := describe(name)
		visitShown(flags, func(f *pflag.Flag) {
			_, what := pflag.UnquoteUsage(f)
			value := ""
			if f.NoOptDefVal == "" {
				value = " -r"
			}
			fmt.Fprintf(&b, "complete -c minimirror -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", name, f.Name, value, quote(what))
		})
	}
	return b.String()
}

// summaryOf is the line about a verb in "minimirror --help".
func summaryOf(verb string) string {
	for line := range strings.Lines(usage) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == verb && strings.HasPrefix(line, "  ") {
			return strings.Join(words[1:], " ")
		}
	}
	return ""
}
