package debian

// A demand is what a definition asks of its sources.
type demand struct {
	whole      bool // packages: all
	packages   []Request
	sets       map[string][]Request // what each set asks for
	exclude    []Request
	recommends bool
	suggests   bool
	base       baseSpec
}

// wholeHint names the only way to request everything.
const wholeHint = `"packages: all" carries every source whole`
