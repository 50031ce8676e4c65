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

const completionHelp = `usage: minimirror completion bash|zsh

Prints what makes a shell complete verbs, flags and file names.

Examples:
  minimirror completion bash >/etc/bash_completion.d/minimirror
  minimirror completion zsh >/usr/local/share/zsh/site-functions/_minimirror
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
	default:
		return artifact.Hint(artifact.Usagef("completion for %q is not known", shell), "it is known for bash and zsh")
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
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return append(names, "--help")
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
