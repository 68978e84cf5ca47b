//! What a process needs to be one: an entry point, an allocator, a panic handler, an exit, and the
//! memory functions that the compiler expects from a C library.

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call {main}",
    "ud2",
    main = sym crate::nostd_main,
);
#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, #0",
    "bl {main}",
    "brk #1",
    main = sym crate::nostd_main,
);

/// Ends the process.
#[allow(clippy::empty_loop)]
pub fn exit(status: i32) -> ! {
    // SAFETY: the system call `exit_group` takes one integer and does not return.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        core::arch::asm!("syscall", in("rax") 231, in("rdi") status, options(noreturn));
        #[cfg(target_arch = "aarch64")]
        core::arch::asm!("svc 0", in("x8") 94, in("x0") status, options(noreturn));
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(101)
}

/// Hands out a fixed piece of memory from front to back and never takes any back.
struct Bump {
    used: AtomicUsize,
}

const HEAP: usize = 16 * 1024 * 1024;
#[repr(align(4096))]
struct Heap(core::cell::UnsafeCell<[u8; HEAP]>);
// SAFETY: parts are handed out by `Bump` only, each once.
unsafe impl Sync for Heap {}
static MEMORY: Heap = Heap(core::cell::UnsafeCell::new([0; HEAP]));

#[global_allocator]
static ALLOC: Bump = Bump { used: AtomicUsize::new(0) };

// SAFETY: parts do not overlap, because `used` only grows, and are aligned; null when it is full.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = self.used.load(Ordering::Relaxed);
        let start = used.next_multiple_of(layout.align());
        let Some(end) = start.checked_add(layout.size()).filter(|end| *end <= HEAP) else {
            return core::ptr::null_mut();
        };
        self.used.store(end, Ordering::Relaxed);
        // SAFETY: `start` is inside the heap.
        unsafe { MEMORY.0.get().cast::<u8>().add(start) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

// The memory functions, byte by byte; volatile, lest the compiler makes them call themselves.

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    for at in 0..len {
        // SAFETY: the caller promises `len` bytes at both.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if to.addr() < from.addr() {
        // SAFETY: as the caller promises; front to back reads each byte before writing over it.
        return unsafe { memcpy(to, from, len) };
    }
    for at in (0..len).rev() {
        // SAFETY: the caller promises `len` bytes at both.
        unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, len: usize) -> *mut u8 {
    for at in 0..len {
        // SAFETY: the caller promises `len` bytes.
        unsafe { to.add(at).write_volatile(value.to_le_bytes()[0]) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, two: *const u8, len: usize) -> i32 {
    for at in 0..len {
        // SAFETY: the caller promises `len` bytes at both.
        let (a, b) = unsafe { (one.add(at).read_volatile(), two.add(at).read_volatile()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, two: *const u8, len: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(one, two, len) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut len = 0;
    // SAFETY: the caller promises a zero at the end.
    while unsafe { text.add(len).read_volatile() } != 0 {
        len += 1;
    }
    len
}

// Named by the unwinding tables of the precompiled `core` and `alloc`, never called: panics abort.

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit(102)
}
