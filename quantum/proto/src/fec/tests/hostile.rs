use crate::fec::decode::{Decoder, Use};
use crate::frame::Repair;

const NOTHING: fn(u64) -> bool = |_| false;

#[test]
fn t22_repairs_alone_cost_next_to_nothing() {
    let mut decoder = Decoder::new();
    let data = [7; 1_400];
    let mut looked_at = 0;
    for row in 100..10_100 {
        let repair = Repair {
            distance: 1 + row % 60,
            window: 0x7fff_ffff,
            data: &data,
        };
        looked_at += u32::from(decoder.on_repair(row, &repair, NOTHING).unwrap() != Use::Skipped);
        assert!(decoder.bytes() <= 64 << 10, "{}", decoder.bytes());
    }
    assert!(looked_at <= 16, "{looked_at}");
}

#[test]
fn t22_memory_is_bounded_whatever_is_missing() {
    let mut decoder = Decoder::new();
    let data = [7; 1_400];
    for row in 0..10_000 {
        if row % 2 == 0 {
            decoder.on_symbol(row, &data[..1_200]).unwrap();
        } else if row > 64 {
            let repair = Repair {
                distance: 1,
                window: 0x5555_5555,
                data: &data,
            };
            decoder
                .on_repair(row, &repair, |number| number % 2 == 0)
                .unwrap();
            while decoder.take_recovered().is_ok_and(|found| found.is_some()) {}
        }
        assert!(decoder.bytes() <= 160 << 10, "{}", decoder.bytes());
    }
}

#[test]
fn t22_impossible_repairs_are_refused() {
    let mut decoder = Decoder::new();
    let repair = |distance, window| Repair {
        distance,
        window,
        data: &[0; 40],
    };
    assert!(decoder.on_repair(5, &repair(6, 0), NOTHING).is_err());
    assert!(decoder.on_repair(5, &repair(1, 0b1_0000), NOTHING).is_err());
    assert!(
        decoder
            .on_repair(100, &repair(1, 0xffff_ffff), NOTHING)
            .is_err()
    );
    decoder.on_symbol(90, &[1; 60]).unwrap();
    assert!(decoder.on_repair(91, &repair(1, 0), NOTHING).is_err());
}

#[test]
fn t23_a_packet_that_differs_from_its_repair_is_noticed() {
    let mut decoder = Decoder::new();
    let mut data = vec![0, 3, 1, 2, 3];
    // The repair of one packet is a multiple of it.
    let row = 10;
    crate::fec::field::scale(&mut data, crate::fec::code::coefficient(row, 9));
    let repair = Repair {
        distance: row - 9,
        window: 0,
        data: &data,
    };
    assert_eq!(decoder.on_repair(row, &repair, NOTHING).unwrap(), Use::Kept);
    assert_eq!(decoder.take_recovered().unwrap().unwrap().symbol, [1, 2, 3]);
    assert!(decoder.on_symbol(9, &[1, 2, 4]).is_err());
}

#[test]
fn t23_repairs_that_add_up_to_no_packet_are_refused() {
    for value in [vec![0xff, 0xff, 1], vec![0, 1, 2, 3], vec![0]] {
        let mut decoder = Decoder::new();
        let mut data = value;
        crate::fec::field::scale(&mut data, crate::fec::code::coefficient(10, 9));
        let repair = Repair {
            distance: 1,
            window: 0,
            data: &data,
        };
        decoder.on_repair(10, &repair, NOTHING).unwrap();
        assert!(decoder.take_recovered().is_err());
    }
}
