package resolver

// A Demand is what a definition asks of its sources.
type Demand struct {
	Whole      bool // packages: all
	Packages   []Request
	Sets       map[string][]Request // what each set asks for
	Exclude    []Request
	Recommends bool
	Suggests   bool
	Base       BaseSpec
}

// WholeHint names the only way to request everything.
const WholeHint = `"packages: all" carries every source whole`
