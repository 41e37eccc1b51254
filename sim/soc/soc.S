# What runs before main: a stack, variables that are zero, and afterwards the exit register with what main returned. And
# the two functions of a C library that a compiler calls of its own accord.
# License: Apache-2.0.
    .section .start, "ax"
    .globl _start
_start:
    la sp, stack_top
    la t0, zeros_begin
    la t1, zeros_end
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  call main
    la t0, exit_register
    sw a0, 0(t0)
3:  j 3b

    .text
    .globl memcpy
memcpy:
    mv t0, a0
    add a2, a0, a2
1:  beq t0, a2, 2f
    lbu t1, 0(a1)
    sb t1, 0(t0)
    addi t0, t0, 1
    addi a1, a1, 1
    j 1b
2:  ret

    .globl memset
memset:
    mv t0, a0
    add a2, a0, a2
1:  beq t0, a2, 2f
    sb a1, 0(t0)
    addi t0, t0, 1
    j 1b
2:  ret
