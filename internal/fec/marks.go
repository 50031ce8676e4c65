package fec

import "math/bits"

// marks are some of the blocks of a part.
type marks struct {
	words  []uint64
	before []int64 // how many are marked in front of each word; nil: not counted yet
	n      int64
}

func newMarks(blocks int64) *marks { return &marks{words: make([]uint64, (blocks+63)/64)} }

func (m *marks) set(i int64) {
	if !m.has(i) {
		m.words[i/64] |= 1 << (i % 64)
		m.n++
		m.before = nil
	}
}

func (m *marks) has(i int64) bool { return m.words[i/64]>>(i%64)&1 != 0 }

// rank is how many are marked in front of block i.
func (m *marks) rank(i int64) int64 {
	if m.before == nil {
		m.before = make([]int64, len(m.words))
		var n int64
		for w, word := range m.words {
			m.before[w] = n
			n += int64(bits.OnesCount64(word))
		}
	}
	return m.before[i/64] + int64(bits.OnesCount64(m.words[i/64]&(1<<(i%64)-1)))
}
