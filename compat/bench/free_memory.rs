//! Makes free memory what it is on a machine of its own: there.
//!
//! A virtual machine gives memory that falls free back to its host within seconds (free page reporting), and whoever
//! writes to such a page next waits for the host to find another: a page of the page cache then costs ten times as much.
//! Which subject is hit depends on who ran before it, not on what it does (measured: the same round of 600 MB took 0.7 or
//! 2.7 CPU s/GB). So before a round that writes much, memory is taken from the host and left free.

use std::io;
use std::ptr;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::machine::available_bytes;

const PAGE_BYTES: usize = 4096;

/// Takes so much memory, half of what is available at most, touches it and lets it go.
pub fn claim(bytes: u64) -> io::Result<()> {
    let bytes = bytes.min(available_bytes()? / 2);
    let len = usize::try_from(bytes).unwrap_or(usize::MAX).next_multiple_of(PAGE_BYTES);
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping that nobody else knows; it is written within its length, and gone before this returns.
    unsafe {
        let memory = mmap_anonymous(ptr::null_mut(), len, access, MapFlags::PRIVATE)?;
        // In large blocks, which stay together when they are let go; small ones would be given back at once.
        let _hint = madvise(memory, len, Advice::LinuxHugepage).is_ok();
        for at in (0..len).step_by(PAGE_BYTES) {
            memory.cast::<u8>().add(at).write_volatile(1);
        }
        munmap(memory, len)?;
    }
    Ok(())
}
