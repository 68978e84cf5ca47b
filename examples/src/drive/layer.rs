//! What lies between the socket and the machine: nothing, or TLS. No I/O here either:
//! bytes of the network go in, bytes of the machine come out, and the other way round.

use std::io::{self, Read as _, Write as _};

#[derive(Debug)]
pub(crate) enum Layer {
    Plain,
    Tls(Box<rustls::Connection>),
}

impl Layer {
    /// TLS towards the server at `remote`, which must show a certificate for this address.
    pub(crate) fn client(
        config: std::sync::Arc<rustls::ClientConfig>,
        remote: std::net::SocketAddr,
    ) -> io::Result<Self> {
        let name = rustls::pki_types::ServerName::from(remote.ip());
        let tls = rustls::ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(tls.into())))
    }

    /// Bytes from the network; appends what they say to `plain`. Returns `false` when the
    /// peer has closed properly within the layer.
    pub(crate) fn receive(&mut self, mut raw: &[u8], plain: &mut Vec<u8>) -> io::Result<bool> {
        let Self::Tls(tls) = self else {
            plain.extend_from_slice(raw);
            return Ok(true);
        };
        while !raw.is_empty() {
            tls.read_tls(&mut raw)?;
            let state = tls
                .process_new_packets()
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            let mut room = vec![0; state.plaintext_bytes_to_read()];
            tls.reader().read_exact(&mut room)?;
            plain.append(&mut room);
            if state.peer_has_closed() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Bytes from the machine; appends what goes over the network to `raw`.
    pub(crate) fn send(&mut self, plain: &[u8], raw: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Plain => raw.extend_from_slice(plain),
            Self::Tls(tls) => {
                // rustls takes only as much as its buffer holds, so write in pieces.
                let mut rest = plain;
                while !rest.is_empty() {
                    let taken = tls.writer().write(rest)?;
                    rest = rest.get(taken..).unwrap_or_default();
                    self::flush(tls, raw)?;
                }
            }
        }
        Ok(())
    }

    /// What the layer itself wants to send: handshake, alerts.
    pub(crate) fn flush(&mut self, raw: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Plain => Ok(()),
            Self::Tls(tls) => flush(tls, raw),
        }
    }

    /// Says good-bye within the layer.
    pub(crate) fn close(&mut self, raw: &mut Vec<u8>) -> io::Result<()> {
        if let Self::Tls(tls) = self {
            tls.send_close_notify();
        }
        self.flush(raw)
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        matches!(self, Self::Tls(tls) if tls.is_handshaking())
    }

    pub(crate) fn tls(&self) -> Option<&rustls::Connection> {
        match self {
            Self::Plain => None,
            Self::Tls(tls) => Some(tls),
        }
    }
}

fn flush(tls: &mut rustls::Connection, raw: &mut Vec<u8>) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(raw)?;
    }
    Ok(())
}
