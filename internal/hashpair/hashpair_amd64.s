#include "textflag.h"

// The two hashes take turns: while the processor waits for four rounds of one, it does those of the other.
// X1 and X2 are the state of the first, X3 to X6 its words; X7, X8 and X9 to X12 are those of the second.

// Four rounds of one lane: S0 is its state ABEF, S1 CDGH, M the next four words. SHA256RNDS2 takes its sums from X0.
#define ROUNDS(i, S0, S1, M) \
	MOVOU (i*16)(AX), X0; \
	PADDD M, X0; \
	SHA256RNDS2 X0, S0, S1; \
	PSHUFD $0x0e, X0, X0; \
	SHA256RNDS2 X0, S1, S0

// The four words after M, into NEXT, which has the sums of SHA256MSG1; PREV has the words before M.
#define EXTEND(PREV, M, NEXT, T) \
	MOVO M, T; \
	PALIGNR $4, PREV, T; \
	PADDD T, NEXT; \
	SHA256MSG2 M, NEXT

#define LOAD(i, P, M) \
	MOVOU (i*16)(P), M; \
	PSHUFB X15, M

#define FIRST(i, A, B) \
	LOAD(i, SI, A); \
	LOAD(i, DI, B); \
	ROUNDS(i, X1, X2, A); \
	ROUNDS(i, X7, X8, B)

#define MIDDLE(i, PA, A, NA, PB, B, NB) \
	ROUNDS(i, X1, X2, A); \
	ROUNDS(i, X7, X8, B); \
	EXTEND(PA, A, NA, X13); \
	EXTEND(PB, B, NB, X14)

// func blocks(s1, s2 *[8]uint32, p, q *byte, n int)
TEXT ·blocks(SB), NOSPLIT, $0-40
	MOVQ s1+0(FP), R8
	MOVQ s2+8(FP), R9
	MOVQ p+16(FP), SI
	MOVQ q+24(FP), DI
	MOVQ n+32(FP), CX
	LEAQ ·constants(SB), AX
	MOVOU ·bigEndian(SB), X15
	MOVOU 0(R8), X1
	MOVOU 16(R8), X2
	MOVOU 0(R9), X7
	MOVOU 16(R9), X8
next:
	FIRST(0, X3, X9)
	FIRST(1, X4, X10)
	SHA256MSG1 X4, X3
	SHA256MSG1 X10, X9
	FIRST(2, X5, X11)
	SHA256MSG1 X5, X4
	SHA256MSG1 X11, X10
	LOAD(3, SI, X6)
	LOAD(3, DI, X12)
	MIDDLE(3, X5, X6, X3, X11, X12, X9)
	SHA256MSG1 X6, X5
	SHA256MSG1 X12, X11
	MIDDLE(4, X6, X3, X4, X12, X9, X10)
	SHA256MSG1 X3, X6
	SHA256MSG1 X9, X12
	MIDDLE(5, X3, X4, X5, X9, X10, X11)
	SHA256MSG1 X4, X3
	SHA256MSG1 X10, X9
	MIDDLE(6, X4, X5, X6, X10, X11, X12)
	SHA256MSG1 X5, X4
	SHA256MSG1 X11, X10
	MIDDLE(7, X5, X6, X3, X11, X12, X9)
	SHA256MSG1 X6, X5
	SHA256MSG1 X12, X11
	MIDDLE(8, X6, X3, X4, X12, X9, X10)
	SHA256MSG1 X3, X6
	SHA256MSG1 X9, X12
	MIDDLE(9, X3, X4, X5, X9, X10, X11)
	SHA256MSG1 X4, X3
	SHA256MSG1 X10, X9
	MIDDLE(10, X4, X5, X6, X10, X11, X12)
	SHA256MSG1 X5, X4
	SHA256MSG1 X11, X10
	MIDDLE(11, X5, X6, X3, X11, X12, X9)
	SHA256MSG1 X6, X5
	SHA256MSG1 X12, X11
	MIDDLE(12, X6, X3, X4, X12, X9, X10)
	SHA256MSG1 X3, X6
	SHA256MSG1 X9, X12
	MIDDLE(13, X3, X4, X5, X9, X10, X11)
	MIDDLE(14, X4, X5, X6, X10, X11, X12)
	ROUNDS(15, X1, X2, X6)
	ROUNDS(15, X7, X8, X12)
	MOVOU 0(R8), X13
	PADDD X13, X1
	MOVOU X1, 0(R8)
	MOVOU 16(R8), X13
	PADDD X13, X2
	MOVOU X2, 16(R8)
	MOVOU 0(R9), X14
	PADDD X14, X7
	MOVOU X7, 0(R9)
	MOVOU 16(R9), X14
	PADDD X14, X8
	MOVOU X8, 16(R9)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ next
	RET
