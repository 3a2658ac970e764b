// SPDX-License-Identifier: GPL-2.0

//! Values that travel over a pipe between two processes of a scenario.

use super::child::Exit;

/// A value that can be written to bytes and read back.
pub trait Carry: Sized {
    /// Appends the value to `out`.
    fn pack(&self, out: &mut Vec<u8>);
    /// Takes a value from the front of `from`; nothing when the bytes end early.
    fn unpack(from: &mut &[u8]) -> Option<Self>;
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = from.split_first_chunk::<N>()?;
    *from = tail;
    Some(*head)
}

macro_rules! carry_number {
    ($($number:ty),*) => {$(
        impl Carry for $number {
            fn pack(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_ne_bytes());
            }
            fn unpack(from: &mut &[u8]) -> Option<Self> {
                take(from).map(<$number>::from_ne_bytes)
            }
        }
    )*};
}
carry_number!(i32, i64, u32, u64, usize);

impl Carry for () {
    fn pack(&self, _out: &mut Vec<u8>) {}
    fn unpack(_from: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl Carry for bool {
    fn pack(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn unpack(from: &mut &[u8]) -> Option<Self> {
        take::<1>(from).map(|[byte]| byte != 0)
    }
}

impl Carry for String {
    fn pack(&self, out: &mut Vec<u8>) {
        self.len().pack(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn unpack(from: &mut &[u8]) -> Option<Self> {
        let length = usize::unpack(from)?;
        let bytes = from.get(..length)?;
        *from = from.get(length..)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

impl<T: Carry> Carry for Vec<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.len().pack(out);
        for item in self {
            item.pack(out);
        }
    }
    fn unpack(from: &mut &[u8]) -> Option<Self> {
        let length = usize::unpack(from)?;
        (0..length).map(|_| T::unpack(from)).collect()
    }
}

impl<T: Carry> Carry for Option<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.is_some().pack(out);
        if let Some(value) = self {
            value.pack(out);
        }
    }
    fn unpack(from: &mut &[u8]) -> Option<Self> {
        if bool::unpack(from)? {
            T::unpack(from).map(Some)
        } else {
            Some(None)
        }
    }
}

impl<T: Carry, E: Carry> Carry for Result<T, E> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.is_ok().pack(out);
        match self {
            Ok(value) => value.pack(out),
            Err(error) => error.pack(out),
        }
    }
    fn unpack(from: &mut &[u8]) -> Option<Self> {
        if bool::unpack(from)? {
            T::unpack(from).map(Ok)
        } else {
            E::unpack(from).map(Err)
        }
    }
}

macro_rules! carry_tuple {
    ($($name:ident),*) => {
        impl<$($name: Carry),*> Carry for ($($name,)*) {
            #[allow(non_snake_case)]
            fn pack(&self, out: &mut Vec<u8>) {
                let ($($name,)*) = self;
                $($name.pack(out);)*
            }
            fn unpack(from: &mut &[u8]) -> Option<Self> {
                Some(($($name::unpack(from)?,)*))
            }
        }
    };
}
carry_tuple!(A, B);
carry_tuple!(A, B, C);
carry_tuple!(A, B, C, D);

impl Carry for Exit {
    fn pack(&self, out: &mut Vec<u8>) {
        match self {
            Self::Code(code) => (false, *code).pack(out),
            Self::Signal(signal) => (true, *signal).pack(out),
        }
    }
    fn unpack(from: &mut &[u8]) -> Option<Self> {
        let (by_signal, number) = <(bool, i32)>::unpack(from)?;
        Some(if by_signal {
            Self::Signal(number)
        } else {
            Self::Code(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: Carry>(value: &T) -> Option<T> {
        let mut bytes = Vec::new();
        value.pack(&mut bytes);
        let mut rest = bytes.as_slice();
        let back = T::unpack(&mut rest);
        assert!(rest.is_empty());
        back
    }

    #[test]
    fn values_come_back() {
        let value = (
            Ok::<_, i32>(vec![String::from("a"), String::new()]),
            Err::<(), _>(22_i32),
            Some(-1_i64),
        );
        assert_eq!(round(&value), Some(value));
        assert_eq!(round(&Exit::Signal(9)), Some(Exit::Signal(9)));
    }

    #[test]
    fn short_bytes_are_noticed() {
        assert_eq!(u64::unpack(&mut &[0_u8; 7][..]), None);
        assert_eq!(
            String::unpack(&mut &[9, 0, 0, 0, 0, 0, 0, 0, b'a'][..]),
            None
        );
    }
}
