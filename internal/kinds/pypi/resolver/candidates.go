package resolver

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/pypi/pep440"
	"github.com/minimirror/minimirror/internal/kinds/pypi/wheel"
)

// A File is a file of a project, as the page of an index lists it.
type File struct {
	wheel.Filename
	// RequiresPython is the text of the page; what is not valid counts as none, as pip has it.
	RequiresPython string
	Yanked         bool
	YankedReason   string
	// Data is what the caller knows of the file besides.
	Data any
}

// Candidates groups the files of a project by version. The files of a version are those that can be installed on the target, the best
// first as pip ranks them: wheels by their tags and builds, then, if sdist is set, source distributions. A version without such a file is
// listed as unusable.
func Candidates(project string, files []*File, target *wheel.Target, sdist bool) []*Candidate {
	versions := map[string]*Candidate{}
	reasons := map[string][3]bool{} // why files were left out: no wheel, source only, Python
	pythons := map[string]string{}
	var keys []string
	for _, f := range files {
		key := f.Version.Key()
		c := versions[key]
		if c == nil {
			c = &Candidate{Project: project, Version: f.Version}
			versions[key] = c
			keys = append(keys, key)
		}
		why := reasons[key]
		_, supported := target.Rank(f.Filename)
		switch {
		case f.IsWheel() && !supported:
			why[0] = true
		case !f.IsWheel() && !sdist:
			why[1] = true
		case !pythonAllowed(f.RequiresPython, target.Python()):
			why[2] = true
			pythons[key] = f.RequiresPython
		default:
			c.Files = append(c.Files, f)
		}
		reasons[key] = why
	}
	var all []*Candidate
	for _, key := range keys {
		c := versions[key]
		c.finish(target)
		switch why := reasons[key]; {
		case len(c.Files) > 0:
		case why[2]:
			c.Unusable = fmt.Sprintf("%s%s; the target has %s", needsPython, artifact.Printable(pythons[key]), target.Python())
		case why[1]:
			c.Unusable = fmt.Sprintf("has no wheel for %s, only a source distribution; add %s to sdist to carry that", target, project)
		default:
			c.Unusable = fmt.Sprintf("has no wheel for %s", target)
		}
		all = append(all, c)
	}
	return all
}

// needsPython begins the reason of a version that is for another Python.
const needsPython = "needs Python "

func pythonAllowed(text string, python pep440.Version) bool {
	set, err := pep440.ParseSpecifiers(text)
	return err != nil || set.Match(python)
}

// finish sorts the files, and leaves out those that are yanked where others are not.
func (c *Candidate) finish(target *wheel.Target) {
	slices.SortStableFunc(c.Files, func(a, b *File) int {
		if a.IsWheel() != b.IsWheel() {
			if a.IsWheel() {
				return -1
			}
			return 1
		}
		rankA, _ := target.Rank(a.Filename)
		rankB, _ := target.Rank(b.Filename)
		return cmp.Or(cmp.Compare(rankA, rankB), b.Build.Compare(a.Build))
	})
	kept := slices.DeleteFunc(slices.Clone(c.Files), func(f *File) bool { return f.Yanked })
	if len(kept) > 0 {
		c.Files = kept
	} else if len(c.Files) > 0 {
		c.Yanked, c.YankedReason = true, c.Files[0].YankedReason
	}
	if len(c.Files) > 0 {
		c.Version = c.Files[0].Version
	}
}
