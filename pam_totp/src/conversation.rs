//! The conversation with the person, and the calls of libpam that pamsm has no word for.
//!
//! pamsm's own conversation dereferences a reply that may be null and never frees one, so codes would stay
//! in memory. All `unsafe` of the module stands here.
#![allow(unsafe_code)]

use pamsm::Pam;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;
use zeroize::{Zeroize as _, Zeroizing};

/// Most messages in one call: PAM_MAX_NUM_MSG. OpenSSH 9.4 to 10.2 takes no more before a prompt.
const MOST_MESSAGES: usize = 32;
/// Longest answer, in bytes; a longer one is no code and no password, and counts as none.
const LONGEST_ANSWER: usize = 4096;
/// How long a refused login waits, in microseconds, before libpam adds its random part.
const FAIL_DELAY: c_uint = 2_000_000;

const PAM_SUCCESS: c_int = 0;
const PAM_TTY: c_int = 3;
const PAM_CONV: c_int = 5;
const PAM_XDISPLAY: c_int = 11;
const PAM_CONV_AGAIN: c_int = 30;
const PAM_PROMPT_ECHO_OFF: c_int = 1;
const PAM_PROMPT_ECHO_ON: c_int = 2;
const PAM_ERROR_MSG: c_int = 3;
const PAM_TEXT_INFO: c_int = 4;

/// `struct pam_message` of pam_conv(3).
#[repr(C)]
struct PamMessage {
    style: c_int,
    text: *const c_char,
}

/// `struct pam_response` of pam_conv(3).
#[repr(C)]
struct PamResponse {
    text: *mut c_char,
    return_code: c_int,
}

/// `struct pam_conv` of pam_conv(3).
#[repr(C)]
struct PamConv {
    converse: Option<
        unsafe extern "C" fn(c_int, *mut *const PamMessage, *mut *mut PamResponse, *mut c_void) -> c_int,
    >,
    data: *mut c_void,
}

unsafe extern "C" {
    fn pam_get_item(pam: *const c_void, item: c_int, value: *mut *const c_void) -> c_int;
    fn pam_fail_delay(pam: *const c_void, microseconds: c_uint) -> c_int;
    fn pam_getenvlist(pam: *const c_void) -> *mut *mut c_char;
    fn free(pointer: *mut c_void);
}

/// Something to show or to ask.
#[derive(Clone, Copy)]
pub(crate) enum Message<'a> {
    /// Asks; the answer is not shown while it is typed.
    Hidden(&'a str),
    /// Asks; the answer is shown.
    Shown(&'a str),
    /// Tells.
    Info(&'a str),
    /// Tells that something went wrong.
    Error(&'a str),
}

impl<'a> Message<'a> {
    fn parts(self) -> (c_int, &'a str) {
        match self {
            Self::Hidden(text) => (PAM_PROMPT_ECHO_OFF, text),
            Self::Shown(text) => (PAM_PROMPT_ECHO_ON, text),
            Self::Info(text) => (PAM_TEXT_INFO, text),
            Self::Error(text) => (PAM_ERROR_MSG, text),
        }
    }

    fn asks(self) -> bool {
        matches!(self, Self::Hidden(_) | Self::Shown(_))
    }
}

/// The host did not carry the conversation out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConversationError {
    /// It failed, or gave no answer to a question.
    Failed,
    /// The host is driven by events and will call again.
    Again,
}

/// An answer as typed, wiped when dropped.
pub(crate) type Typed = Zeroizing<Vec<u8>>;

/// The handle as libpam knows it.
fn raw(pam: &Pam) -> *const c_void {
    // SAFETY: `Pam` is repr(transparent) over the handle, a pointer, which is copied out of it.
    unsafe { *ptr::from_ref(pam).cast::<*const c_void>() }
}

/// Asks libpam to wait before the program learns that the login was refused.
pub(crate) fn delay_failure(pam: &Pam) {
    // SAFETY: the handle is live for as long as the entry point runs.
    unsafe { pam_fail_delay(raw(pam), FAIL_DELAY) };
}

/// PAM_TTY and PAM_XDISPLAY: the terminal and the display that the program names. What is not UTF-8 is none of this
/// machine's.
pub(crate) fn terminal_and_display(pam: &Pam) -> [Option<String>; 2] {
    [PAM_TTY, PAM_XDISPLAY].map(|number| {
        let mut item = ptr::null();
        // SAFETY: the handle is live for as long as the entry point runs.
        let found = unsafe { pam_get_item(raw(pam), number, &raw mut item) };
        if found != PAM_SUCCESS || item.is_null() {
            return None;
        }
        // SAFETY: both items are strings of libpam's own; the text is copied before anything can set another.
        unsafe { CStr::from_ptr(item.cast()) }.to_str().ok().map(str::to_owned)
    })
}

/// The PAM environment, each entry as `NAME=value`; `None` where libpam gives none.
pub(crate) fn environment(pam: &Pam) -> Option<Vec<Vec<u8>>> {
    // SAFETY: the handle is live for as long as the entry point runs.
    let list = unsafe { pam_getenvlist(raw(pam)) };
    if list.is_null() {
        return None;
    }
    let mut entries = Vec::new();
    for position in 0.. {
        // SAFETY: the array ends with a null pointer, at which the loop ends.
        let entry = unsafe { *list.wrapping_add(position) };
        if entry.is_null() {
            break;
        }
        // SAFETY: each entry is NUL-terminated, made by malloc(3), and the caller's; it is freed once, after
        // its last use.
        unsafe {
            entries.push(CStr::from_ptr(entry).to_bytes().to_vec());
            free(entry.cast());
        }
    }
    // SAFETY: as its entries; nothing refers to the array any more.
    unsafe { free(list.cast()) };
    Some(entries)
}

/// Shows and asks all of `messages` in one call, and returns one answer for each question. With `silent`
/// (PAM_SILENT) only questions remain.
pub(crate) fn converse(
    pam: &Pam,
    messages: &[Message<'_>],
    silent: bool,
) -> Result<Vec<Typed>, ConversationError> {
    let messages: Vec<_> =
        messages.iter().copied().filter(|message| message.asks() || !silent).take(MOST_MESSAGES).collect();
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let mut item: *const c_void = ptr::null();
    // SAFETY: the handle is live, and `item` is a place for one pointer.
    let found = unsafe { pam_get_item(raw(pam), PAM_CONV, &raw mut item) };
    // SAFETY: where PAM_CONV is set it is a `struct pam_conv`, and lives at least until this entry point
    // returns; null gives None.
    let conversation = unsafe { item.cast::<PamConv>().as_ref() }.filter(|_| found == PAM_SUCCESS);
    let Some((converse, data)) = conversation.and_then(|found| Some((found.converse?, found.data))) else {
        return Err(ConversationError::Failed);
    };

    // Wiped: a secret may stand in a text.
    let texts = messages
        .iter()
        .map(|message| CString::new(message.parts().1).map(Zeroizing::new))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| ConversationError::Failed)?;
    let contents: Vec<_> = messages
        .iter()
        .zip(&texts)
        .map(|(message, text)| PamMessage { style: message.parts().0, text: text.as_ptr() })
        .collect();
    // In one array, and an array of pointers to it: Linux-PAM reads the latter, Solaris the former.
    let mut pointers: Vec<_> = contents.iter().map(ptr::from_ref).collect();
    let count = c_int::try_from(pointers.len()).map_err(|_| ConversationError::Failed)?;
    let mut responses: *mut PamResponse = ptr::null_mut();
    // SAFETY: the function and its data belong together; there are `count` pointers to messages whose
    // texts outlive the call, and `responses` is a place for one pointer.
    let returned = unsafe { converse(count, pointers.as_mut_ptr(), &raw mut responses, data) };
    match returned {
        PAM_SUCCESS => {}
        PAM_CONV_AGAIN => return Err(ConversationError::Again),
        // What a failed conversation leaves in `responses` is not defined: nothing is touched.
        _ => return Err(ConversationError::Failed),
    }
    // SAFETY: a successful conversation hands over an array of `count` responses, or null, that malloc(3)
    // made, with texts that are null or NUL-terminated and made by malloc(3).
    let replies = unsafe { take(responses, messages.len()) };
    let answers = messages.iter().zip(replies).filter(|(message, _)| message.asks());
    answers.map(|(_, reply)| reply.ok_or(ConversationError::Failed)).collect()
}

/// Copies the texts of `count` responses, wipes them and frees everything. A null array has no texts.
///
/// # Safety
/// `responses` is null or points to `count` responses in memory of malloc(3); each text is null or
/// NUL-terminated in memory of malloc(3). All of it belongs to the caller.
unsafe fn take(responses: *mut PamResponse, count: usize) -> Vec<Option<Typed>> {
    if responses.is_null() {
        return (0..count).map(|_| None).collect();
    }
    // SAFETY: as promised by the caller.
    let array = unsafe { std::slice::from_raw_parts(responses, count) };
    let replies = array
        .iter()
        .map(|response| {
            if response.text.is_null() {
                return None;
            }
            // SAFETY: as promised by the caller; the length is that of the text without its NUL.
            let (text, length) = unsafe {
                let length = CStr::from_ptr(response.text).count_bytes();
                (std::slice::from_raw_parts_mut(response.text.cast::<u8>(), length), length)
            };
            // Not the beginning of a longer one: its middle could pass for a code at the end of a password.
            let typed = (length <= LONGEST_ANSWER).then(|| Zeroizing::new(text.to_vec()));
            text.zeroize();
            // SAFETY: as promised by the caller; nothing refers to the text any more.
            unsafe { free(response.text.cast()) };
            typed
        })
        .collect();
    // SAFETY: as promised by the caller; nothing refers to the array any more.
    unsafe { free(responses.cast()) };
    replies
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" {
        fn calloc(count: usize, size: usize) -> *mut c_void;
        fn strdup(text: *const c_char) -> *mut c_char;
    }

    /// Responses as a host makes them.
    fn responses(texts: &[Option<&str>]) -> *mut PamResponse {
        // SAFETY: the array has room for all texts, which strdup copies.
        unsafe {
            let array = calloc(texts.len(), size_of::<PamResponse>()).cast::<PamResponse>();
            for (position, text) in texts.iter().enumerate() {
                if let Some(text) = text {
                    let text = CString::new(*text).unwrap();
                    (*array.wrapping_add(position)).text = strdup(text.as_ptr());
                }
            }
            array
        }
    }

    #[test]
    fn replies_are_copied_and_null_ones_are_none() {
        let array = responses(&[Some("123456"), None, Some("")]);
        // SAFETY: made as `take` wants it.
        let replies = unsafe { take(array, 3) };
        let text = |reply: &Option<Typed>| reply.as_ref().map(|typed| typed.to_vec());
        assert_eq!(
            replies.iter().map(text).collect::<Vec<_>>(),
            [Some(b"123456".to_vec()), None, Some(vec![])]
        );
    }

    #[test]
    fn a_null_array_has_no_replies() {
        // SAFETY: null is allowed.
        let replies = unsafe { take(ptr::null_mut(), 2) };
        assert!(replies.iter().all(Option::is_none) && replies.len() == 2);
    }

    #[test]
    fn a_reply_without_end_counts_as_none() {
        let array = responses(&[Some(&"7".repeat(1 << 20)), Some(&"7".repeat(LONGEST_ANSWER))]);
        // SAFETY: made as `take` wants it.
        let replies = unsafe { take(array, 2) };
        assert!(replies[0].is_none());
        assert_eq!(replies[1].as_ref().map(|typed| typed.len()), Some(LONGEST_ANSWER));
    }
}
