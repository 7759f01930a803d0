//! A connection in between that breaks at the worst moments: around a `COMMIT`, or whenever it is told.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::client;

/// What becomes of the next `COMMIT` of something written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Never,
    /// It does not reach the server: both connections are cut.
    Before,
    /// The server carries it out; its answer does not come back.
    After,
    /// The client loses its connection, and the server gets it only when somebody has begun to ask what
    /// became of it.
    Late,
}

/// What becomes of new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// They go through.
    Open,
    /// They wait.
    Held,
    /// They are refused.
    Closed,
}

/// The one in between, as long as its runtime runs.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    /// The database, not through this.
    url: String,
    cut: Mutex<Cut>,
    door: watch::Sender<Door>,
    /// What happens to the door at the next cut.
    door_after_cut: Mutex<Door>,
    /// Counts up when all connections are cut.
    severed: watch::Sender<u64>,
    /// Whether what arrives is kept back.
    stalled: watch::Sender<bool>,
    cuts: Semaphore,
    lookups: Semaphore,
}

impl Proxy {
    /// In front of the server at this port, for connections to one database, which `url` leads to.
    pub async fn start(server: u16, url: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server,
            url: url.to_owned(),
            cut: Mutex::new(Cut::Never),
            door: watch::Sender::new(Door::Open),
            door_after_cut: Mutex::new(Door::Open),
            severed: watch::Sender::new(0),
            stalled: watch::Sender::new(false),
            cuts: Semaphore::new(0),
            lookups: Semaphore::new(0),
        });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).connection(client));
            }
        });
        Self { port, shared }
    }

    /// Where clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts at the next `COMMIT`, and does this to connections that come after it.
    pub fn cut(&self, cut: Cut, door: Door) {
        *self.shared.cut.lock() = cut;
        *self.shared.door_after_cut.lock() = door;
    }

    /// What becomes of new connections from now on.
    pub fn door(&self, door: Door) {
        self.shared.door.send_replace(door);
    }

    /// Cuts all connections, wherever they are.
    pub fn sever(&self) {
        self.shared.severed.send_modify(|count| *count += 1);
    }

    /// Keeps back everything that arrives from either side, or lets it go on.
    pub fn stall(&self, stalled: bool) {
        self.shared.stalled.send_replace(stalled);
    }

    /// Waits until it was cut at a `COMMIT`.
    pub async fn was_cut(&self) {
        let cut = tokio::time::timeout(Duration::from_secs(60), self.shared.cuts.acquire());
        cut.await.expect("nothing was cut").unwrap().forget();
    }
}

impl Shared {
    async fn connection(self: Arc<Self>, client: TcpStream) {
        let mut door = self.door.subscribe();
        let door = door.wait_for(|door| *door != Door::Held).await;
        if door.is_ok_and(|door| *door == Door::Open) {
            // A connection that ends in an error has ended.
            let _ = self.relay(client).await;
        }
    }

    async fn relay(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut server = self.connect().await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut severed, mut stalled) = (self.severed.subscribe(), self.stalled.subscribe());
        let mut frames = Frames::default();
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        loop {
            asked.clear();
            answered.clear();
            tokio::select! {
                read = client.read_buf(&mut asked) => if read? == 0 { return Ok(()) },
                read = server.read_buf(&mut answered) => if read? == 0 { return Ok(()) },
                _ = severed.changed() => return Ok(()),
            }
            tokio::select! {
                _ = stalled.wait_for(|stalled| !stalled) => {}
                _ = severed.changed() => return Ok(()),
            }
            client.write_all(&answered).await?;
            frames.bytes.extend_from_slice(&asked);
            while let Some(frame) = frames.next() {
                if frame.windows(LOOKUP.len()).any(|window| window == LOOKUP) {
                    self.lookups.add_permits(1);
                }
                let cut = if frame == COMMIT {
                    std::mem::replace(&mut *self.cut.lock(), Cut::Never)
                } else {
                    Cut::Never
                };
                if cut != Cut::Never {
                    return self.cut_at_commit(cut, client, server).await;
                }
                server.write_all(&frame).await?;
            }
        }
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server)).await?;
        // While nobody listens, the system may choose the port that is being connected to as the one to
        // come from: then the connection is with itself.
        if server.local_addr()? == server.peer_addr()? {
            return Err(std::io::ErrorKind::ConnectionRefused.into());
        }
        Ok(server)
    }

    async fn cut_at_commit(
        &self,
        cut: Cut,
        client: TcpStream,
        mut server: TcpStream,
    ) -> std::io::Result<()> {
        self.door.send_replace(*self.door_after_cut.lock());
        match cut {
            Cut::Never => {}
            Cut::Before => drop((client, server)),
            Cut::After => {
                server.write_all(COMMIT).await?;
                ended(&mut server).await?;
                drop(client);
            }
            Cut::Late => {
                drop(client);
                self.lookups.acquire().await.unwrap().forget();
                // The question has to wait for the answer to become true.
                somebody_waits_for_a_lock(&self.url).await;
                server.write_all(COMMIT).await?;
                ended(&mut server).await?;
            }
        }
        self.cuts.add_permits(1);
        Ok(())
    }
}

/// Waits until the server has somebody in this database wait for a lock.
async fn somebody_waits_for_a_lock(url: &str) {
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let client = client(url).await;
    let waiting = async {
        while client
            .query_one(WAITING, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 0
        {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.expect("the question does not wait for the commit");
}

/// Waits until the server has carried `COMMIT` out, which after a statement that failed means to roll back.
async fn ended(server: &mut TcpStream) -> std::io::Result<()> {
    let mut answered = Vec::new();
    let has = |answered: &[u8], end: &[u8]| answered.windows(end.len()).any(|it| it == end);
    while !has(&answered, COMMITTED) && !has(&answered, ROLLED_BACK) {
        if server.read_buf(&mut answered).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// The messages of a client: a length and that much, and before it a letter in all but the first one.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
    started: bool,
}

impl Frames {
    fn next(&mut self) -> Option<Vec<u8>> {
        let letter = usize::from(self.started);
        let length = self.bytes.get(letter..letter + 4)?;
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize + letter;
        if self.bytes.len() < length {
            return None;
        }
        self.started = true;
        Some(self.bytes.drain(..length).collect())
    }
}

/// As the store sends it when it has written something.
const COMMIT: &[u8] = b"Q\0\0\0\x2cSET LOCAL statement_timeout = 0; COMMIT\0";
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";
const ROLLED_BACK: &[u8] = b"C\0\0\0\x0dROLLBACK\0";
const LOOKUP: &[u8] = b"SELECT hash FROM audit";
