//! What the machines need of the board: two serial lines, a clock, a heap.

use core::fmt::Write as _;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::{debug, hio};
use embedded_alloc::LlffHeap;
use proto_wire::Instant;

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();
const HEAP_SIZE: usize = 192 * 1024;

/// Makes the heap; once, before anything allocates.
pub fn init_heap() {
    static mut MEMORY: [u8; HEAP_SIZE] = [0; HEAP_SIZE];
    // SAFETY: called once, and nobody else names MEMORY.
    unsafe { HEAP.init(&raw mut MEMORY as usize, HEAP_SIZE) }
}

/// Bytes of the heap that are in use.
pub fn heap_used() -> usize {
    HEAP.used()
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    if let Ok(mut out) = hio::hstderr() {
        let _ = writeln!(out, "{info}");
    }
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}

/// A serial line (CMSDK APB UART): data, state, control and divisor, four bytes each.
pub struct Uart(*mut u32);

impl Uart {
    /// # Safety
    /// `base` is the address of such a line, which nobody else uses.
    pub unsafe fn new(base: usize) -> Self {
        let uart = Self(base as *mut u32);
        // SAFETY: registers of the line; divisor 16 is the least, both directions are on.
        unsafe {
            uart.0.add(4).write_volatile(16);
            uart.0.add(2).write_volatile(0b11);
        }
        uart
    }

    /// The byte that came, if one did.
    pub fn read(&mut self) -> Option<u8> {
        // SAFETY: registers of the line.
        unsafe { (self.0.add(1).read_volatile() & 0b10 != 0).then(|| self.0.read_volatile() as u8) }
    }

    /// Waits for room, byte by byte.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // SAFETY: registers of the line.
            unsafe {
                while self.0.add(1).read_volatile() & 0b01 != 0 {}
                self.0.write_volatile(u32::from(*byte));
            }
        }
    }
}

/// Milliseconds since the start, counted whenever it is looked at.
pub struct Ticks(SYST, u64);

impl Ticks {
    pub fn start(mut syst: SYST) -> Self {
        syst.set_clock_source(SystClkSource::Core);
        syst.set_reload(25_000 - 1); // 25 MHz
        syst.clear_current();
        syst.enable_counter();
        Self(syst, 0)
    }

    pub fn now(&mut self) -> Instant {
        self.1 += u64::from(self.0.has_wrapped());
        Instant::from_millis(self.1)
    }
}
