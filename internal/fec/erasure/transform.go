package erasure

import "math/bits"

// The transforms are those of S.-J. Lin, T. Y. Al-Naffouri, Y. S. Han and W.-H. Chung, Novel Polynomial Basis with Fast Fourier Transform
// and Its Application to Reed-Solomon Erasure Codes (IEEE Transactions on Information Theory 62, 2016), over points made of Cantor's
// basis. There, the polynomial that vanishes on the first 2^level points is x² + x applied level times, and so its value at the point with
// number i is the point with number i>>level.

// evaluate replaces the coefficients of polynomials, one in each column, by their values at as many points, from the point with the number first. There
// are rows of them, a power of two, of which first is a multiple.
func (t *tables) evaluate(m matrix, rows, first int) {
	level := bits.Len(uint(rows)) - 2
	for width := rows / 2; width > 0; width, level = width/2, level-1 {
		for at := 0; at < rows; at += 2 * width {
			left, right := m.rows(at, at+width), m.rows(at+width, at+2*width)
			left.addProduct(t.point((first+at)>>level), right)
			right.add(left)
		}
	}
}

// interpolate is the inverse of evaluate. Rows from count on are zero.
func (t *tables) interpolate(m matrix, rows, first, count int) {
	for width, level := 1, 0; width < rows; width, level = width*2, level+1 {
		for at := 0; at < count; at += 2 * width {
			left, right := m.rows(at, at+width), m.rows(at+width, at+2*width)
			right.add(left)
			left.addProduct(t.point((first+at)>>level), right)
		}
	}
}

// derive replaces the coefficients of polynomials by those of their derivatives. Each bit of a coefficient's number stands for a factor whose
// derivative is one: so where a half ends that has a right one, the derivative of the left half gets what the right half was.
func derive(m matrix, rows int) {
	for end := 1; end <= rows; end++ {
		m.row(end - 1).clear()
		if width := end & -end; end+width <= rows {
			m.rows(end-width, end).add(m.rows(end, end+width))
		}
	}
}
