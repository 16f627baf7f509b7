//! Where in an epoch a run stands, in a checkpoint that may be resumed with another batch or other data.

use serde::{Deserialize, Serialize};

use crate::checkpoint::State;

/// Its place among [`State::extra`].
const NAME: &str = "epoch";

/// How an epoch is cut into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cut {
    /// Batches of an epoch.
    pub(super) batches: usize,
    /// Pictures of a batch.
    pub(super) pictures: usize,
}

impl Cut {
    pub(super) fn save(self, state: &mut State) {
        let value = serde_json::to_value(self).expect("they are numbers under names");
        state.extra.insert(NAME.into(), value);
    }

    /// That of a checkpoint; `None` where one of before this was kept says nothing.
    pub(super) fn of(state: &State) -> Result<Option<Self>, serde_json::Error> {
        let value = state.extra.get(NAME).cloned();
        value.map(serde_json::from_value).transpose()
    }

    /// The batch at which an epoch goes on that stood at `batch` of `before`: about as many pictures are done, and an
    /// update of `accumulated` batches begins there. The end of an epoch stays its end.
    pub(super) fn translate(self, before: Self, batch: usize, accumulated: usize) -> usize {
        if batch >= before.batches {
            return self.batches;
        }
        let pictures = batch.saturating_mul(before.pictures);
        let batch = (pictures / self.pictures.max(1)).min(self.batches.saturating_sub(1));
        batch - batch % accumulated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_as_many_pictures_at_the_beginning_of_an_update() {
        let cut = |batches, pictures| Cut { batches, pictures };
        for (now, accumulated, before, batch, expected) in [
            (cut(100, 64), 1, cut(100, 64), 37, 37),
            (cut(100, 64), 4, cut(100, 64), 36, 36),
            // Half the batch, two of which make an update: 320 pictures.
            (cut(200, 32), 2, cut(100, 64), 5, 10),
            // 96 pictures are three batches, which end within an update.
            (cut(200, 32), 2, cut(67, 96), 1, 2),
            (cut(50, 128), 1, cut(100, 64), 5, 2),
            // Less data: what is left is at least one batch.
            (cut(10, 64), 1, cut(100, 64), 37, 9),
            (cut(10, 64), 4, cut(100, 64), 37, 8),
            // The end stays the end.
            (cut(200, 32), 2, cut(100, 64), 100, 200),
            (cut(10, 64), 4, cut(100, 64), 100, 10),
            (cut(10, 64), 1, cut(100, 64), usize::MAX, 10),
        ] {
            assert_eq!(
                now.translate(before, batch, accumulated),
                expected,
                "{now:?} {accumulated} {before:?} {batch}"
            );
        }
    }
}
