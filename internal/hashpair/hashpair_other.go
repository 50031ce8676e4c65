//go:build !amd64

package hashpair

const available = false

func blocks(_, _ *[8]uint32, _, _ *byte, _ int) { panic("hashpair: not for this processor") }
